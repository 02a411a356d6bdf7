{
  pkgs,
  src,
  module,
  package,
}:

{
  build = package;

  tests = package.overrideAttrs {
    inherit src;
    pname = "lotus-farcaster-tests";
    doCheck = true;
  };

  clippy = package.overrideAttrs (old: {
    inherit src;
    pname = "lotus-farcaster-clippy";
    nativeBuildInputs = old.nativeBuildInputs ++ [ pkgs.clippy ];
    buildPhase = ''
      runHook preBuild
      cargo clippy --all-targets --offline -- -D warnings
      runHook postBuild
    '';
    installPhase = "touch $out";
  });

  fmt =
    pkgs.runCommand "lotus-farcaster-fmt"
      {
        nativeBuildInputs = [
          pkgs.cargo
          pkgs.rustfmt
        ];
      }
      ''
        export HOME=$TMPDIR
        cargo fmt --check --manifest-path ${src}/Cargo.toml
        touch $out
      '';

  module = pkgs.testers.runNixOSTest (import ./test.nix module);
}
