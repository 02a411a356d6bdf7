# The exporter and nothing else: no shell, no libraries, no certificates but those in the binary.
#
#   docker build .                  builds it in a container
#   docker build --target ready .   takes dist/lotus-exporter-farcaster-amd64 (or -arm64): for CI and builders without network.
#                                   Builders other than BuildKit want --build-arg TARGETARCH=amd64 too.

FROM scratch AS base
# Named volumes that are mounted here take over owner and mode. An archive, since nothing in this image could create folders.
ADD docker/folders.tar.gz /
USER 65532:65532
ENTRYPOINT ["/lotus-exporter-farcaster"]
# A process 1 without signal handlers ignores SIGTERM. It needs no handler: files appear whole or not at all.
STOPSIGNAL SIGKILL
HEALTHCHECK --interval=1m --start-period=2m CMD ["/lotus-exporter-farcaster", "healthcheck", "/textfile/farcaster.prom"]
LABEL org.opencontainers.image.title="lotus-farcaster" \
      org.opencontainers.image.description="Monitoring for Filecoin storage providers: Lotus in Prometheus and Grafana" \
      org.opencontainers.image.source="https://github.com/s0nik42/lotus-farcaster" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
ARG VERSION=dev
ARG FARCASTER_COMMIT=unknown
LABEL org.opencontainers.image.version="$VERSION" org.opencontainers.image.revision="$FARCASTER_COMMIT"

# Before the build stage, so that no builder runs that one to get this one.
FROM base AS ready
ARG TARGETARCH
COPY dist/lotus-exporter-farcaster-${TARGETARCH} /lotus-exporter-farcaster

FROM rust:1.95.0-alpine3.22@sha256:064dfc925d68d1a63f4fd2871bd7dc6e6ea56692989a487185855d62885d90aa AS build
# For the C in the TLS library.
RUN apk add --no-cache musl-dev
WORKDIR /build
COPY . .
ARG FARCASTER_COMMIT=unknown
RUN cargo build --release --locked

FROM base
COPY --from=build /build/target/release/lotus-exporter-farcaster /lotus-exporter-farcaster
