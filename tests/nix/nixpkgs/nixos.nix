# Options of NixOS that the modules set, with their types. Gives the configuration, once its assertions hold.
{ pkgs, modules }:
let
  inherit (pkgs) lib;
  inherit (lib) mkOption types;

  option = type: mkOption { inherit type; };
  optionWith = type: default: mkOption { inherit type default; };
  strings = optionWith (types.listOf types.str) [ ];
  enable = optionWith types.bool false;
  submodule = options: types.submodule options null;

  staticConfigs = optionWith (types.listOf (submodule {
    targets = option (types.listOf types.str);
    labels = optionWith (types.attrsOf types.str) { };
  })) [ ];

  # As Prometheus' scrape configuration; NixOS takes any.
  promscrape = submodule {
    global = optionWith (submodule {
      scrape_interval = optionWith types.str "1m";
      external_labels = optionWith (types.attrsOf types.str) { };
    }) { };
    scrape_configs = optionWith (types.listOf (submodule {
      job_name = option types.str;
      static_configs = staticConfigs;
    })) [ ];
  };

  unitValue = types.oneOf [
    types.bool
    types.int
    types.str
    (types.listOf types.str)
  ];

  options = {
    assertions = optionWith (types.listOf (submodule {
      assertion = option types.bool;
      message = option types.str;
    })) [ ];
    virtualisation.memorySize = optionWith types.int 1024;

    users.users = optionWith (types.attrsOf (submodule {
      isSystemUser = enable;
      isNormalUser = enable;
      group = option types.str;
      description = optionWith types.str "";
    })) { };
    users.groups = optionWith (types.attrsOf (submodule { })) { };

    systemd.tmpfiles.settings = optionWith (types.attrsOf (
      types.attrsOf (submodule {
        # A folder; there are other types, which are not used here.
        d = option (submodule {
          user = option types.str;
          group = option types.str;
          mode = option types.str;
        });
      })
    )) { };

    systemd.services = optionWith (types.attrsOf (submodule {
      description = optionWith types.str "";
      documentation = strings;
      wantedBy = strings;
      requiredBy = strings;
      wants = strings;
      requires = strings;
      after = strings;
      before = strings;
      environment = optionWith (types.attrsOf types.str) { };
      script = optionWith types.lines "";
      # Lists of definitions are joined, all else is one.
      serviceConfig = mkOption {
        type = types.submodule {
          LoadCredential = strings;
        } (types.attrsOf unitValue);
        default = { };
      };
    })) { };

    services.prometheus = {
      enable = enable;
      listenAddress = optionWith types.str "0.0.0.0";
      port = optionWith types.port 9090;
      retentionTime = optionWith (types.nullOr types.str) null;
      globalConfig = mkOption {
        type = submodule {
          scrape_interval = optionWith (types.nullOr types.str) null;
          evaluation_interval = optionWith (types.nullOr types.str) null;
        };
        default = { };
      };
      ruleFiles = optionWith (types.listOf types.path) [ ];
      rules = optionWith (types.listOf types.str) [ ];
      scrapeConfigs = optionWith (types.listOf (submodule {
        job_name = option types.str;
        scrape_interval = optionWith (types.nullOr types.str) null;
        static_configs = staticConfigs;
      })) [ ];
      alertmanagers = optionWith (types.listOf (submodule {
        static_configs = staticConfigs;
      })) [ ];
      alertmanager = {
        enable = enable;
        listenAddress = optionWith types.str "";
        port = optionWith types.port 9093;
        extraFlags = strings;
        configuration = optionWith (types.nullOr (types.attrsOf types.anything)) null;
        configText = optionWith (types.nullOr types.lines) null;
      };
      exporters.node = {
        enable = enable;
        listenAddress = optionWith types.str "0.0.0.0";
        port = optionWith types.port 9100;
        extraFlags = strings;
      };
    };

    services.vmagent = {
      enable = enable;
      remoteWrite.url = optionWith (types.nullOr types.str) null;
      prometheusConfig = optionWith promscrape { };
      extraArgs = strings;
    };
    services.victoriametrics = {
      enable = enable;
      package = optionWith types.package pkgs.victoriametrics;
      listenAddress = optionWith types.str ":8428";
      retentionPeriod = optionWith (types.nullOr types.str) null;
      prometheusConfig = optionWith promscrape { };
    };
    services.vmalert.instances = optionWith (types.attrsOf (submodule {
      enable = enable;
      # Flags of vmalert; NixOS takes any.
      settings = option (submodule {
        "datasource.url" = option types.str;
        "remoteWrite.url" = option types.str;
        "remoteRead.url" = option types.str;
        "notifier.url" = strings;
        "notifier.blackhole" = enable;
        rule = option (types.listOf types.path);
        evaluationInterval = option types.str;
        disableAlertgroupLabel = enable;
        httpListenAddr = option types.str;
      });
      rules = optionWith (types.attrsOf types.anything) { };
    })) { };

    services.grafana = {
      enable = enable;
      settings = mkOption {
        # Sections with settings that Grafana's documentation names; NixOS takes any.
        type = submodule (
          builtins.mapAttrs (_: section: mkOption {
            type = submodule section;
            default = { };
          }) {
            server = {
              http_addr = optionWith types.str "127.0.0.1";
              http_port = optionWith types.port 3000;
            };
            security = {
              admin_password = optionWith types.str "admin";
              secret_key = optionWith (types.nullOr types.str) null;
              disable_gravatar = enable;
            };
            users.allow_sign_up = enable;
            dashboards.default_home_dashboard_path = optionWith types.str "";
            analytics = {
              reporting_enabled = enable;
              check_for_updates = enable;
              check_for_plugin_updates = enable;
              feedback_links_enabled = enable;
            };
            news.news_feed_enabled = enable;
            plugins.preinstall_disabled = enable;
          }
        );
        default = { };
      };
      # NixOS takes any further settings here too; these are Grafana's.
      provision = {
        enable = enable;
        datasources.settings = {
          apiVersion = optionWith types.int 1;
          datasources = optionWith (types.listOf (submodule {
            name = option types.str;
            type = option types.str;
            access = optionWith (types.enum [ "proxy" "direct" ]) "proxy";
            uid = optionWith (types.nullOr types.str) null;
            url = optionWith types.str "";
            isDefault = enable;
            jsonData = option (submodule {
              httpMethod = option types.str;
              timeInterval = option types.str;
              prometheusType = option types.str;
            });
          })) [ ];
        };
        dashboards.settings = {
          apiVersion = optionWith types.int 1;
          providers = optionWith (types.listOf (submodule {
            name = optionWith types.str "default";
            type = optionWith types.str "file";
            folder = optionWith types.str "";
            folderUid = optionWith types.str "";
            disableDeletion = enable;
            options.path = option types.path;
          })) [ ];
        };
      };
    };
  };

  # As systemd reads it: quotes only what needs them.
  utils.escapeSystemdExecArgs = lib.concatMapStringsSep " " (
    argument: if builtins.match "[A-Za-z0-9/._=,:-]+" argument != null then argument else builtins.toJSON argument
  );

  inherit
    (lib.evalModules {
      modules = [ { inherit options; } ] ++ modules;
      specialArgs = { inherit lib pkgs utils; };
    })
    config
    ;
  grafana = config.services.grafana;
  failed =
    builtins.filter (one: !one.assertion) config.assertions
    ++ lib.optional (grafana.enable && grafana.settings.security.secret_key == null) {
      message = "Grafana has no secret_key";
    };
in
if failed == [ ] then
  config
else
  throw "Failed assertions: ${lib.concatMapStringsSep " " (one: one.message) failed}"
