# The same image as the Dockerfile builds.
{
  lib,
  dockerTools,
  exporter,
  commit,
}:

dockerTools.buildLayeredImage {
  name = "ghcr.io/s0nik42/lotus-farcaster";
  tag = exporter.version;
  extraCommands = ''
    install -m 755 ${lib.getExe exporter} lotus-exporter-farcaster
  '';
  # Named volumes that are mounted here take over owner and mode.
  fakeRootCommands = ''
    tar --extract --gzip --file ${../docker/folders.tar.gz} --numeric-owner --same-owner
  '';
  config = {
    User = "65532:65532";
    Entrypoint = [ "/lotus-exporter-farcaster" ];
    StopSignal = "SIGKILL";
    Healthcheck = {
      Test = [
        "CMD"
        "/lotus-exporter-farcaster"
        "healthcheck"
        "/textfile/farcaster.prom"
      ];
      # Nanoseconds.
      Interval = 60000000000;
      StartPeriod = 120000000000;
    };
    Labels = {
      "org.opencontainers.image.title" = "lotus-farcaster";
      "org.opencontainers.image.description" = exporter.meta.description;
      "org.opencontainers.image.source" = exporter.meta.homepage;
      "org.opencontainers.image.licenses" = "MIT OR Apache-2.0";
      "org.opencontainers.image.version" = exporter.version;
      "org.opencontainers.image.revision" = commit;
    };
  };
}
