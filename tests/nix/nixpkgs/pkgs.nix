# Functions of nixpkgs that make packages. Each takes the arguments that the real one knows and no others, and makes a derivation of them that
# depends on all of them.
system:
let
  lib = import ./lib.nix;

  derive =
    name: attributes: meta:
    let
      checked = checkMeta meta;
    in
    derivation {
      inherit name system;
      builder = "/bin/sh";
      attributes = builtins.toJSON attributes;
    }
    // attributes
    // {
      inherit name;
      meta = builtins.deepSeq checked checked;
    };
  checkMeta =
    {
      description ? "",
      homepage ? "",
      changelog ? "",
      license ? [ ],
      mainProgram ? null,
      platforms ? [ ],
    }@meta:
    meta;

  mkDerivation =
    {
      pname,
      version,
      src,
      cargoDeps,
      env ? { },
      doCheck ? false,
      nativeBuildInputs ? [ ],
      buildPhase ? "",
      installPhase ? "",
      meta ? { },
    }@attributes:
    assert builtins.all builtins.isString (builtins.attrValues env);
    derive "${pname}-${version}" (removeAttrs attributes [ "meta" ]) meta
    // {
      overrideAttrs =
        changes:
        mkDerivation (
          attributes // (if builtins.isFunction changes then changes attributes else changes)
        );
    };

  tool = name: derive name { } { mainProgram = name; };

  pkgs = {
    inherit lib;
    stdenv.hostPlatform = { inherit system; };

    callPackage =
      file: given:
      let
        function = import file;
        wanted = builtins.functionArgs function;
      in
      function (builtins.intersectAttrs wanted pkgs // given);

    rustPlatform.buildRustPackage =
      {
        pname,
        version,
        src,
        cargoLock,
        env ? { },
        doCheck ? true,
        nativeBuildInputs ? [ ],
        meta,
      }@attributes:
      let
        importCargoLock =
          { lockFile }:
          assert (builtins.fromTOML (builtins.readFile lockFile)).package != [ ];
          lockFile;
      in
      mkDerivation (
        removeAttrs attributes [ "cargoLock" ]
        // {
          inherit doCheck;
          cargoDeps = importCargoLock cargoLock;
          nativeBuildInputs = nativeBuildInputs ++ [
            pkgs.cargo
            (tool "rustc")
          ];
        }
      );

    dockerTools.buildLayeredImage =
      {
        name,
        tag ? null,
        contents ? [ ],
        config ? { },
        created ? "1970-01-01T00:00:01Z",
        extraCommands ? "",
        fakeRootCommands ? "",
        maxLayers ? 100,
      }@arguments:
      let
        checkConfig =
          {
            User ? null,
            Entrypoint ? [ ],
            Cmd ? [ ],
            Env ? [ ],
            Labels ? { },
            StopSignal ? null,
            Healthcheck ? { },
          }@config:
          assert builtins.all builtins.isString (Entrypoint ++ builtins.attrValues Labels);
          config // { Healthcheck = checkHealth Healthcheck; };
        checkHealth =
          {
            Test ? [ ],
            Interval ? 0,
            Timeout ? 0,
            StartPeriod ? 0,
            Retries ? 0,
          }@health:
          health;
      in
      derive "image.tar.gz" (arguments // { config = checkConfig config; }) { };

    mkShell =
      {
        inputsFrom ? [ ],
        packages ? [ ],
      }@arguments:
      derive "shell" arguments { };

    runCommand =
      name:
      { nativeBuildInputs }:
      script:
      derive name { inherit nativeBuildInputs script; } { };
    writeText = name: text: builtins.toFile name text;

    testers.runNixOSTest =
      {
        name,
        nodes,
        testScript,
      }:
      derive "vm-test-run-${name}" {
        inherit testScript;
        nodes = builtins.mapAttrs (
          _: node: builtins.toJSON (import ./nixos.nix { inherit pkgs; modules = [ node ]; })
        ) nodes;
      } { };

    pkgsStatic = pkgs;
    cargo = tool "cargo";
    clippy = tool "clippy";
    coreutils = tool "coreutils";
    openssl = tool "openssl";
    prometheus = tool "prometheus";
    prometheus-node-exporter = tool "node_exporter";
    rustfmt = tool "rustfmt";
    victoriametrics = tool "victoria-metrics";
  };
in
pkgs
