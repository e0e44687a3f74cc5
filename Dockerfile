# syntax=docker/dockerfile:1
# The `gavel` binary on a small Debian. The same image runs web, work and topics: see docker-compose.yml.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package gavel && cp target/release/gavel /gavel

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/gavel gavel
COPY --from=build /gavel /usr/local/bin/gavel
USER gavel
WORKDIR /var/lib/gavel
ENV GAVEL_LISTEN=0.0.0.0:8080 GAVEL_DATA=/var/lib/gavel/data GAVEL_LOG_FORMAT=json
RUN mkdir data
VOLUME /var/lib/gavel/data
EXPOSE 8080
ENTRYPOINT ["gavel"]
CMD ["serve"]
