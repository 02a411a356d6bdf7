# The exporter as a service that writes for node_exporter, hardened like systemd/lotus-farcaster.service; .ci/nix compares the two.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:

let
  inherit (lib) mkOption types;
  cfg = config.services.lotus-farcaster;
  name = "lotus-farcaster";

  # One entry for each kind of node: its repos, the file with TOKEN:ADDRESS, and the options and variables that name them.
  nodes = [
    {
      repos = lib.optional (cfg.daemonRepo != null) cfg.daemonRepo;
      repoOption = "daemonRepo";
      repoVariable = "FARCASTER_DAEMON_REPO";
      file = cfg.fullnodeApiInfoFile;
      fileOption = "fullnodeApiInfoFile";
      credential = "fullnode_api_info";
    }
    {
      repos = cfg.minerRepos;
      repoOption = "minerRepos";
      repoVariable = "FARCASTER_MINER_REPO";
      file = cfg.minerApiInfoFile;
      fileOption = "minerApiInfoFile";
      credential = "miner_api_info";
    }
    {
      repos = lib.optional (cfg.boostRepo != null) cfg.boostRepo;
      repoOption = "boostRepo";
      repoVariable = "FARCASTER_BOOST_REPO";
      file = cfg.boostApiInfoFile;
      fileOption = "boostApiInfoFile";
      credential = "boost_api_info";
    }
  ];
  withRepos = builtins.filter (node: node.repos != [ ]) nodes;
  withFile = builtins.filter (node: node.file != null) nodes;

  repoOption =
    program:
    mkOption {
      type = types.nullOr types.path;
      default = null;
      description = "Repo of ${program}, which `user` can read.";
    };
  fileOption =
    program: command:
    mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/${program}-api-info";
      description = ''
        File outside the Nix store with what `${command}` prints, one node per line. systemd reads it as root
        when the service starts, so nobody else needs access to it.
      '';
    };
in
{
  options.services.lotus-farcaster = {
    enable = lib.mkEnableOption "the exporter of Lotus metrics, with the node_exporter that serves them";

    package = mkOption {
      type = types.package;
      description = "The exporter.";
    };

    interval = mkOption {
      type = types.str;
      default = "1m";
      description = "How often the nodes are asked, such as `30s` or `1m`.";
    };

    timeout = mkOption {
      type = types.str;
      default = "40s";
      description = "The longest that a run may take.";
    };

    textfileDirectory = mkOption {
      type = types.path;
      default = "/var/lib/node-exporter-textfile";
      description = "Folder of the text file. It is created, and node_exporter is configured to read it.";
    };

    user = mkOption {
      type = types.str;
      default = name;
      example = "lotus";
      description = ''
        User that runs the exporter. Unless it is `lotus-farcaster`, it must exist. It may be the user that runs Lotus, whose
        repos are in its home and which only that user can read.
      '';
    };

    daemonRepo = repoOption "the Lotus daemon";
    minerRepos = mkOption {
      type = types.listOf types.path;
      default = [ ];
      example = [ "/srv/lotus-miner" ];
      description = "Repos of lotus-miners, which `user` can read.";
    };
    boostRepo = repoOption "Boost";

    fullnodeApiInfoFile = fileOption "fullnode" "lotus auth api-info --perm write";
    minerApiInfoFile = fileOption "miner" "lotus-miner auth api-info --perm admin";
    boostApiInfoFile = fileOption "boost" "boostd auth api-info --perm read";

    minerIds = mkOption {
      type = types.listOf (types.strMatching "[ft]0[0-9]+");
      default = [ ];
      example = [ "f01234" ];
      description = "Miners to watch on chain that no lotus-miner here runs.";
    };

    addresses = {
      names = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example.f0100 = "Treasury";
        description = "Names of addresses.";
      };
      watch = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Wallets to watch that are neither in the node's wallet nor a miner's.";
      };
    };

    extraFlags = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "--verbose" ];
      description = "Other options that `lotus-exporter-farcaster --help` lists.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions =
      map (node: {
        assertion = !lib.hasPrefix builtins.storeDir (toString node.file);
        message = "services.lotus-farcaster.${node.fileOption} is in the Nix store, where everybody can read the token.";
      }) withFile
      ++ map (node: {
        assertion = node.repos == [ ] || node.file == null;
        message = "services.lotus-farcaster.${node.repoOption} and .${node.fileOption} exclude each other.";
      }) nodes;

    users = {
      users = lib.mkIf (cfg.user == name) {
        ${name} = {
          isSystemUser = true;
          group = name;
          description = "Lotus metrics for Prometheus";
        };
      };
      groups.${name} = { };
    };

    # Writable by the group, whichever user runs the exporter.
    systemd.tmpfiles.settings."10-lotus-farcaster".${cfg.textfileDirectory}.d = {
      user = "root";
      group = name;
      mode = "0775";
    };

    services.prometheus.exporters.node = {
      enable = lib.mkDefault true;
      extraFlags = [ "--collector.textfile.directory=${cfg.textfileDirectory}" ];
    };

    systemd.services.lotus-farcaster = {
      description = "Lotus metrics for Prometheus";
      documentation = [ "https://github.com/s0nik42/lotus-farcaster" ];
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];

      environment = {
        FARCASTER_TEXTFILE = "${cfg.textfileDirectory}/farcaster.prom";
        FARCASTER_INTERVAL = cfg.interval;
        FARCASTER_TIMEOUT = cfg.timeout;
        FARCASTER_ADDRESSES = toString (pkgs.writeText "addresses.json" (builtins.toJSON cfg.addresses));
      }
      // lib.optionalAttrs (cfg.minerIds != [ ]) {
        FARCASTER_MINER_ID = lib.concatStringsSep "," cfg.minerIds;
      }
      // lib.listToAttrs (
        map (
          node: lib.nameValuePair node.repoVariable (lib.concatMapStringsSep "," toString node.repos)
        ) withRepos
      )
      // lib.listToAttrs (
        map (
          node:
          lib.nameValuePair "${lib.toUpper node.credential}_FILE" "%d/${node.credential}"
        ) withFile
      );

      serviceConfig = {
        Type = "exec";
        ExecStart = utils.escapeSystemdExecArgs ([ (lib.getExe cfg.package) ] ++ cfg.extraFlags);
        Restart = "on-failure";
        RestartSec = "30s";
        # The command line or a setting is wrong.
        RestartPreventExitStatus = 2;
        TimeoutStopSec = "10s";

        LoadCredential = map (node: "${node.credential}:${toString node.file}") withFile;

        User = cfg.user;
        Group = name;
        UMask = "0077";
        StateDirectory = name;
        StateDirectoryMode = "0700";
        ReadWritePaths = [ cfg.textfileDirectory ];

        # Lotus goes first.
        Nice = 10;
        OOMScoreAdjust = 500;
        MemoryMax = "128M";
        TasksMax = 512;

        CapabilityBoundingSet = "";
        AmbientCapabilities = "";
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        # Repos are often below /home.
        ProtectHome = if cfg.user == name && withRepos == [ ] then true else "read-only";
        PrivateTmp = true;
        PrivateDevices = true;
        DevicePolicy = "closed";
        PrivateUsers = true;
        PrivateIPC = true;
        PrivateMounts = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProcSubset = "pid";
        KeyringMode = "private";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        RemoveIPC = true;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service"
          "~@privileged @resources"
        ];
        SystemCallErrorNumber = "EPERM";
      };
    };
  };
}
