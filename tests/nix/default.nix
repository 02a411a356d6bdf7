# Evaluates the flake with the stub of nixpkgs. `outputs` forces every output, `machines` are configurations that must evaluate, and
# `wrong` those that must not, by the message that they fail with.
let
  stub = (import ./nixpkgs/flake.nix).outputs { };
  self = {
    outPath = toString ../..;
    shortRev = "0123456";
  }
  // (import ../../flake.nix).outputs {
    inherit self;
    nixpkgs = stub;
  };
  evaluate =
    settings:
    import ./nixpkgs/nixos.nix {
      pkgs = stub.legacyPackages.x86_64-linux;
      modules = [
        self.nixosModules.default
        { services.lotus-farcaster = settings; }
      ];
    };
in
{
  outputs =
    builtins.mapAttrs (system: packages: {
      packages = { inherit (packages) default static image; };
      apps.default = { inherit (self.apps.${system}.default) type program meta; };
      checks = {
        inherit (self.checks.${system})
          build
          tests
          clippy
          fmt
          module
          ;
      };
      devShells = { inherit (self.devShells.${system}) default; };
      overlay = (self.overlays.default stub.legacyPackages.${system} { }).lotus-exporter-farcaster;
      commit = packages.default.env.FARCASTER_COMMIT;
    }) { inherit (self.packages) x86_64-linux aarch64-linux; };

  source = self.packages.x86_64-linux.default.src;

  machines = builtins.mapAttrs (_: evaluate) {
    off = { };
    plain.enable = true;
    files = {
      enable = true;
      interval = "30s";
      fullnodeApiInfoFile = "/run/secrets/fullnode";
      minerApiInfoFile = "/run/secrets/miner";
      boostApiInfoFile = "/run/secrets/boost";
      minerIds = [ "f01234" "f05678" ];
      addresses = {
        names.f0100 = "Treasury";
        watch = [ "f0200" ];
      };
      extraFlags = [ "--verbose" ];
    };
    repos = {
      enable = true;
      user = "lotus";
      daemonRepo = "/srv/lotus";
      minerRepos = [ "/srv/miner-1" "/srv/miner-2" ];
      boostRepo = "/srv/boost";
    };
    suite = {
      enable = true;
      suite = {
        enable = true;
        targets = [ "10.0.0.7:9100" ];
        alertmanager.enable = true;
      };
    };
    # Prometheus and Grafana on a machine of their own, with secrets from elsewhere.
    monitor.suite = {
      enable = true;
      targets = [ "10.0.0.7:9100" ];
      adminPasswordFile = "/run/secrets/grafana-password";
      secretKeyFile = "/run/secrets/grafana-key";
    };
    edge = {
      enable = true;
      edge = {
        enable = true;
        site = "rotterdam";
        instance = "miner-1";
        url = "https://centre.example.org/api/v1/write";
        tokenFile = "/run/secrets/centre-token";
        authorityFile = "/etc/ssl/centre.pem";
        targets.worker-1 = "10.0.0.7:9100";
      };
    };
    centre.suite = {
      enable = true;
      alertmanager.enable = true;
      sites = {
        rotterdam = "/run/secrets/rotterdam";
        reykjavik = "/run/secrets/reykjavik";
      };
    };
  };

  wrong = builtins.mapAttrs (_: evaluate) {
    "fullnodeApiInfoFile is in the Nix store" = {
      enable = true;
      fullnodeApiInfoFile = "${builtins.storeDir}/token";
    };
    "minerApiInfoFile is in the Nix store" = {
      enable = true;
      minerApiInfoFile = builtins.toFile "token" "";
    };
    "boostApiInfoFile is in the Nix store" = {
      enable = true;
      boostApiInfoFile = "${builtins.storeDir}/token";
    };
    "suite.adminPasswordFile is in the Nix store" = {
      suite.enable = true;
      suite.adminPasswordFile = "${builtins.storeDir}/password";
    };
    "suite.secretKeyFile is in the Nix store" = {
      suite.enable = true;
      suite.secretKeyFile = "${builtins.storeDir}/key";
    };
    "edge.tokenFile is in the Nix store" = {
      edge = {
        enable = true;
        site = "rotterdam";
        instance = "miner-1";
        url = "https://centre.example.org/api/v1/write";
        tokenFile = "${builtins.storeDir}/token";
      };
    };
    "edge.instance is not set" = {
      edge = {
        enable = true;
        site = "rotterdam";
        url = "https://centre.example.org/api/v1/write";
        tokenFile = "/run/secrets/centre-token";
      };
    };
    "suite.sites.rotterdam is in the Nix store" = {
      suite = {
        enable = true;
        sites.rotterdam = "${builtins.storeDir}/token";
      };
    };
    "daemonRepo and .fullnodeApiInfoFile exclude each other" = {
      enable = true;
      daemonRepo = "/srv/lotus";
      fullnodeApiInfoFile = "/run/secrets/fullnode";
    };
    "minerIds' is not of type" = {
      enable = true;
      minerIds = [ "1234" ];
    };
    "services.lotus-farcaster.intervall' does not exist" = {
      enable = true;
      intervall = "1m";
    };
  };
}
