{
  lib,
  rustPlatform,
  commit ? "unknown",
}:

let
  manifest = lib.importTOML ../Cargo.toml;
in
rustPlatform.buildRustPackage {
  pname = "lotus-exporter-farcaster";
  inherit (manifest.package) version;

  # The binary embeds the suite's files, from dashboards to licences. Left out is what only checks and Nix read.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference ../. (
      lib.fileset.unions [
        ../nix
        ../tests
        ../flake.nix
        ../flake.lock
        ../.ci
        (lib.fileset.maybeMissing ../.github)
        (lib.fileset.maybeMissing ../target)
      ]
    );
  };
  cargoLock.lockFile = ../Cargo.lock;

  env.FARCASTER_COMMIT = commit;

  # `nix flake check` runs the tests, with all of the source.
  doCheck = false;

  meta = {
    inherit (manifest.package) description;
    homepage = manifest.package.repository;
    changelog = "${manifest.package.repository}/blob/main/CHANGELOG.md";
    license = with lib.licenses; [
      mit
      asl20
    ];
    mainProgram = "lotus-exporter-farcaster";
    platforms = lib.platforms.linux;
  };
}
