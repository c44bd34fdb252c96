# An image that holds the program, what it is linked with, and nothing else: no shell, no package manager.
#
#     docker build -t bitting .
#     docker run -p 8080:8080 -v ./bitting.toml:/etc/bitting/bitting.toml:ro -v bitting:/var/lib/bitting bitting
#
# The configuration names the store in /var/lib/bitting and listens on 0.0.0.0; docs/operating.md has one.

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked && packaging/image.sh target/release/bitting /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
WORKDIR /var/lib/bitting
VOLUME /var/lib/bitting
ENV BITTING_CONFIG=/etc/bitting/bitting.toml
EXPOSE 8080 8081
# SIGTERM drains; give `docker stop --time` more than the configuration's `drain`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/bin/bitting", "health"]
ENTRYPOINT ["/usr/bin/bitting"]
CMD ["serve"]
