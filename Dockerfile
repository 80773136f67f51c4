# The program and nothing else: static, as a user without rights, without a shell. Build it with: docker build -t bizsync .
#
# One node that keeps everything in a volume:   docker run -p 8080:8080 -v bizsync:/data bizsync
# Several nodes, with all that they need:       see compose.yaml

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
# With .git, from which Go takes the version.
COPY . .
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    git config --global --add safe.directory /src && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags='-s -w' -o /out/bizsync ./cmd/bizsync && \
    install -d -m 0700 /out/own/data /out/own/tmp && \
    install -d -m 0755 /out/etc && \
    printf 'bizsync:x:65532:65532::/data:/bizsync\n' >/out/etc/passwd && \
    printf 'bizsync:x:65532:\n' >/out/etc/group

FROM scratch
LABEL org.opencontainers.image.title="BizSync" \
      org.opencontainers.image.description="Documents that several people edit at once" \
      org.opencontainers.image.licenses="Apache-2.0"
# Authorities, for databases that are reached through TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/etc /etc
COPY --from=build --chown=65532:65532 /out/own /
COPY --from=build /out/bizsync /bizsync
ENV BIZSYNC_ADDR=:8080 BIZSYNC_DATA_DIR=/data
EXPOSE 8080
USER 65532:65532
WORKDIR /data
# Ready, not only alive: whoever waits for this container wants to use it.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["/bizsync", "healthcheck"]
# SIGTERM: what was accepted is committed, people are sent elsewhere, and it ends within 10 s. Give it 15 s (docker stop -t 15).
STOPSIGNAL SIGTERM
ENTRYPOINT ["/bizsync"]
CMD ["serve"]
