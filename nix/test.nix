# A machine with the whole suite on the simulated farm.
module:

{
  name = "lotus-farcaster";

  nodes.machine = {
    imports = [ module ];
    virtualisation.memorySize = 2048;
    services.lotus-farcaster = {
      enable = true;
      interval = "10s";
      extraFlags = [ "--demo" ];
      suite = {
        enable = true;
        alertmanager.enable = true;
      };
    };
  };

  testScript = ''
    import json


    def eventually(command):
        return machine.wait_until_succeeds(command, timeout=180)


    machine.wait_for_unit("lotus-farcaster.service")
    eventually("curl -sf 127.0.0.1:9100/metrics | grep '^farcaster_run_timestamp_seconds'")
    machine.succeed("test $(stat -c %a-%U /var/lib/node-exporter-textfile/farcaster.prom) = 644-lotus-farcaster")

    machine.wait_for_unit("prometheus.service")
    eventually("curl -sf '127.0.0.1:9090/api/v1/query?query=farcaster_run_timestamp_seconds' | grep '\"instance\":\"local\"'")
    groups = json.loads(machine.succeed("curl -sf 127.0.0.1:9090/api/v1/rules"))["data"]["groups"]
    assert groups, "Prometheus has no rules"
    eventually("curl -sf 127.0.0.1:9090/api/v1/alertmanagers | grep 127.0.0.1:9093")

    machine.wait_for_unit("grafana.service")
    machine.wait_for_open_port(3000)
    secrets = "/var/lib/lotus-farcaster-suite"
    machine.succeed(f"test $(stat -c %a-%U {secrets}/grafana_admin_password) = 600-root")
    eventually(
        f"curl -sf -u admin:$(cat {secrets}/grafana_admin_password) 127.0.0.1:3000/api/search?query= | grep farcaster-fleet"
    )
    machine.fail("curl -sf -u admin:admin 127.0.0.1:3000/api/search")
  '';
}
