# A farm: `edge` sends what node_exporter serves to a centre, and `suite.sites` makes the suite that centre: VictoriaMetrics in Prometheus' place, behind
# vmauth, which lets each site write under its own name. See docs/FARM.md.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkDefault mkOption types;
  exporter = config.services.lotus-farcaster;
  inherit (exporter) edge suite;
  inherit (config.services) prometheus victoriametrics;
  isCentre = suite.enable && suite.sites != { };
  name = "lotus-farcaster-vmauth";
  url = "http://${victoriametrics.listenAddress}";

  job = job_name: port: {
    inherit job_name;
    static_configs = [
      {
        targets = [ "127.0.0.1:${toString port}" ];
        labels.instance = "local";
      }
    ];
  };

  node = {
    targets = [ "127.0.0.1:${toString prometheus.exporters.node.port}" ];
    labels.instance = edge.instance;
  };
in
{
  options.services.lotus-farcaster = {
    edge = {
      enable = lib.mkEnableOption "an agent that sends this site's metrics to a centre, and keeps what it cannot send";

      site = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "rotterdam";
        description = "Name of the site.";
      };

      instance = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "miner-1";
        description = "A name for this machine that no other has at this site.";
      };

      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "https://centre.example.org/api/v1/write";
        description = "Where the centre listens.";
      };

      tokenFile = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = "/run/secrets/centre-token";
        description = "File outside the Nix store with the site's token. systemd reads it as root when the agent starts.";
      };

      authorityFile = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "Authority in PEM that signed the centre's certificate, if no public one did.";
      };

      targets = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example.worker-1 = "10.0.0.7:9100";
        description = "node_exporters on other machines at the site, by the names of these.";
      };

      buffer = mkOption {
        type = types.str;
        default = "5GB";
        description = "The most that is kept on disk while the centre cannot be reached.";
      };
    };

    suite.sites = mkOption {
      type = types.attrsOf types.path;
      default = { };
      example.rotterdam = "/run/secrets/rotterdam-token";
      description = ''
        Sites that may send, by their names, each with a file outside the Nix store that holds its token. With one or more, VictoriaMetrics takes
        Prometheus' place, and vmauth listens on 127.0.0.1:8427, for a reverse proxy with TLS.
      '';
    };
  };

  config = lib.mkMerge [
    (lib.mkIf edge.enable {
      assertions = [
        {
          assertion = !lib.hasPrefix builtins.storeDir (toString edge.tokenFile);
          message = "services.lotus-farcaster.edge.tokenFile is in the Nix store, where everybody can read the token.";
        }
      ]
      ++ map
        (option: {
          assertion = edge.${option} != null;
          message = "services.lotus-farcaster.edge.${option} is not set.";
        })
        [
          "site"
          "instance"
          "url"
          "tokenFile"
        ];

      services.prometheus.exporters.node.listenAddress = mkDefault "127.0.0.1";

      services.vmagent = {
        enable = true;
        remoteWrite = { inherit (edge) url; };
        prometheusConfig = {
          global = {
            scrape_interval = "30s";
            external_labels = { inherit (edge) site; };
          };
          scrape_configs = [
            {
              job_name = "farcaster";
              static_configs =
                lib.optional exporter.enable node
                ++ lib.mapAttrsToList (instance: target: {
                  targets = [ target ];
                  labels = { inherit instance; };
                }) edge.targets;
            }
          ];
        };
        extraArgs = [
          "-httpListenAddr=127.0.0.1:8429"
          "-remoteWrite.bearerTokenFile=%d/centre_token"
          "-remoteWrite.maxDiskUsagePerURL=${edge.buffer}"
          # One, so that samples arrive in their order.
          "-remoteWrite.queues=1"
          # The centre may have an address of IPv6.
          "-enableTCP6"
        ]
        ++ lib.optional (edge.authorityFile != null) "-remoteWrite.tlsCAFile=%d/centre_ca.pem";
      };

      systemd.services.vmagent.serviceConfig.LoadCredential = [
        "centre_token:${toString edge.tokenFile}"
      ]
      ++ lib.optional (edge.authorityFile != null) "centre_ca.pem:${toString edge.authorityFile}";
    })

    (lib.mkIf isCentre {
      assertions = lib.mapAttrsToList (site: file: {
        assertion = !lib.hasPrefix builtins.storeDir (toString file);
        message = "services.lotus-farcaster.suite.sites.${site} is in the Nix store, where everybody can read the token.";
      }) suite.sites;

      services.victoriametrics = {
        enable = true;
        listenAddress = mkDefault "127.0.0.1:8428";
        retentionPeriod = mkDefault prometheus.retentionTime;
        # The centre itself. What the sites are, their agents scrape and send.
        prometheusConfig = {
          global.scrape_interval = "30s";
          scrape_configs = [
            (job "vmalert" 8880)
          ]
          ++ lib.optional suite.alertmanager.enable (job "alertmanager" prometheus.alertmanager.port);
        };
      };

      services.vmalert.instances.farcaster = {
        enable = true;
        settings = {
          "datasource.url" = url;
          "remoteWrite.url" = url;
          "remoteRead.url" = url;
          "notifier.url" = lib.optional suite.alertmanager.enable "http://127.0.0.1:${toString prometheus.alertmanager.port}";
          "notifier.blackhole" = !suite.alertmanager.enable;
          rule = prometheus.ruleFiles;
          evaluationInterval = "30s";
          # Alerts have the labels that Prometheus gives them.
          disableAlertgroupLabel = true;
          httpListenAddr = "127.0.0.1:8880";
        };
        # The sites that are expected.
        rules.groups = [
          {
            name = "farcaster-sites";
            rules = map (site: {
              record = "own:farcaster_site:info";
              expr = "vector(1)";
              labels = { inherit site; };
            }) (builtins.attrNames suite.sites);
          }
        ];
      };

      systemd.services.${name} = {
        description = "Lets each site write its metrics";
        wantedBy = [ "multi-user.target" ];
        after = [ "victoriametrics.service" ];
        serviceConfig = {
          ExecStartPre = [
            "${pkgs.coreutils}/bin/ln -sfn %d %t/${name}/sites"
            "${lib.getExe exporter.package} init-centre --secrets %t/${name} --store ${url} %t/${name}"
          ];
          ExecStart = "${victoriametrics.package}/bin/vmauth -auth.config=%t/${name}/vmauth.yml -httpListenAddr=127.0.0.1:8427 -httpInternalListenAddr=127.0.0.1:8426";
          LoadCredential = lib.mapAttrsToList (site: file: "${site}:${toString file}") suite.sites;
          DynamicUser = true;
          RuntimeDirectory = name;
          RuntimeDirectoryMode = "0700";
          Restart = "on-failure";
          RestartSec = "30s";
        };
      };
    })
  ];
}
