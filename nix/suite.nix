# One switch for the rest of the suite, all on the loopback: Prometheus with the rules, Grafana with the dashboards, and optionally Alertmanager.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkDefault mkOption types;
  exporter = config.services.lotus-farcaster;
  cfg = exporter.suite;
  inherit (config.services) prometheus;
  inherit (prometheus) alertmanager;

  rules = ../compose/prometheus/rules;
  ruleFiles = map (file: rules + "/${file}") (
    builtins.filter (lib.hasSuffix ".yaml") (builtins.attrNames (builtins.readDir rules))
  );
  dashboards = builtins.path {
    name = "lotus-farcaster-dashboards";
    path = ../dashboards;
  };

  local = port: {
    targets = [ "127.0.0.1:${toString port}" ];
    labels.instance = "local";
  };

  # Generated where no file is given.
  secretsDirectory = "/var/lib/lotus-farcaster-suite";
  secrets = {
    grafana_admin_password = cfg.adminPasswordFile;
    grafana_secret_key = cfg.secretKeyFile;
  };
  made = builtins.filter (name: secrets.${name} == null) (builtins.attrNames secrets);
  credential = name: "$__file{/run/credentials/grafana.service/${name}}";

  secretOption =
    what:
    mkOption {
      type = types.nullOr types.path;
      default = null;
      description = ''
        File outside the Nix store with ${what}. By default a random one is created in ${secretsDirectory}, readable by root.
      '';
    };
in
{
  options.services.lotus-farcaster.suite = {
    enable = lib.mkEnableOption "Prometheus with the rules and Grafana with the dashboards, on this machine";

    targets = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "10.0.0.7:9100" ];
      description = "node_exporters on the farm's other machines.";
    };

    adminPasswordFile = secretOption "the password of Grafana's admin";
    secretKeyFile = secretOption "the key with which Grafana encrypts what is secret in its database";

    alertmanager.enable = lib.mkEnableOption ''
      Alertmanager, which shows the alerts. It notifies nobody until services.prometheus.alertmanager has receivers: set its
      configText, or its configuration'';
  };

  config = lib.mkIf cfg.enable {
    assertions =
      map
        (option: {
          assertion = cfg.${option} == null || !lib.hasPrefix builtins.storeDir (toString cfg.${option});
          message = "services.lotus-farcaster.suite.${option} is in the Nix store, where everybody can read it.";
        })
        [
          "adminPasswordFile"
          "secretKeyFile"
        ];

    services.prometheus = {
      # In the centre of a farm, VictoriaMetrics is in its place (farm.nix).
      enable = cfg.sites == { };
      listenAddress = mkDefault "127.0.0.1";
      retentionTime = mkDefault "400d";
      globalConfig.evaluation_interval = mkDefault "30s";
      scrapeConfigs = [
        {
          job_name = "farcaster";
          scrape_interval = "30s";
          static_configs =
            lib.optional exporter.enable (local prometheus.exporters.node.port)
            ++ lib.optional (cfg.targets != [ ]) { inherit (cfg) targets; };
        }
        {
          job_name = "prometheus";
          scrape_interval = "30s";
          static_configs = [ (local prometheus.port) ];
        }
      ]
      ++ lib.optional cfg.alertmanager.enable {
        job_name = "alertmanager";
        scrape_interval = "30s";
        static_configs = [ (local alertmanager.port) ];
      };
      inherit ruleFiles;
      # Without Alertmanager by choice, its absence must not raise an alert.
      rules = lib.optional (!cfg.alertmanager.enable) (
        builtins.toJSON {
          groups = [
            {
              name = "farcaster-no-alertmanager";
              rules = [
                {
                  record = "own:farcaster_alert_off:info";
                  expr = "vector(1)";
                  labels.alert = "FarcasterNoAlertmanager";
                }
              ];
            }
          ];
        }
      );

      exporters.node.listenAddress = mkDefault "127.0.0.1";

      alertmanagers = lib.optional cfg.alertmanager.enable {
        static_configs = [ { targets = [ "127.0.0.1:${toString alertmanager.port}" ]; } ];
      };
      alertmanager = lib.mkIf cfg.alertmanager.enable {
        enable = true;
        listenAddress = mkDefault "127.0.0.1";
        # There are no other Alertmanagers to talk to.
        extraFlags = [ "--cluster.listen-address=" ];
        configText = lib.mkIf (alertmanager.configuration == null) (
          mkDefault (builtins.readFile ../compose/alertmanager/alertmanager.yml)
        );
      };
    };

    services.grafana = {
      enable = true;
      settings = {
        server.http_addr = mkDefault "127.0.0.1";
        security = {
          admin_password = credential "grafana_admin_password";
          secret_key = credential "grafana_secret_key";
          disable_gravatar = mkDefault true;
        };
        users.allow_sign_up = mkDefault false;
        dashboards.default_home_dashboard_path = mkDefault "${dashboards}/fleet.json";
        # No requests and no reports to the outside.
        analytics = {
          reporting_enabled = mkDefault false;
          check_for_updates = mkDefault false;
          check_for_plugin_updates = mkDefault false;
          feedback_links_enabled = mkDefault false;
        };
        news.news_feed_enabled = mkDefault false;
        plugins.preinstall_disabled = mkDefault true;
      };
      provision = {
        enable = true;
        datasources.settings.datasources = [
          {
            name = "Prometheus";
            uid = "prometheus";
            type = "prometheus";
            access = "proxy";
            url =
              if cfg.sites == { } then
                "http://127.0.0.1:${toString prometheus.port}"
              else
                "http://${config.services.victoriametrics.listenAddress}";
            isDefault = true;
            jsonData = {
              httpMethod = "POST";
              # The exporter runs every minute: a chart in finer steps would have holes.
              timeInterval = "60s";
              prometheusType = "Prometheus";
            };
          }
        ];
        dashboards.settings.providers = [
          {
            name = "farcaster";
            folder = "Farcaster";
            folderUid = "farcaster";
            disableDeletion = true;
            options.path = dashboards;
          }
        ];
      };
    };

    systemd.services = {
      grafana.serviceConfig.LoadCredential = lib.mapAttrsToList (
        name: file: "${name}:${if file == null then "${secretsDirectory}/${name}" else toString file}"
      ) secrets;

      lotus-farcaster-secrets = lib.mkIf (made != [ ]) {
        description = "Random secrets for Grafana, if there are none";
        requiredBy = [ "grafana.service" ];
        before = [ "grafana.service" ];
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          StateDirectory = baseNameOf secretsDirectory;
          StateDirectoryMode = "0700";
          UMask = "0077";
        };
        script = lib.concatMapStrings (name: ''
          if [ ! -s ${secretsDirectory}/${name} ]; then
            ${lib.getExe pkgs.openssl} rand -hex 32 >${secretsDirectory}/${name}.new
            mv ${secretsDirectory}/${name}.new ${secretsDirectory}/${name}
          fi
        '') made;
      };
    };
  };
}
