# The console.
FROM node:20-bookworm-slim AS console
WORKDIR /src
COPY static/package.json static/package-lock.json static/.npmrc static/
RUN npm --prefix static ci
COPY docs/api docs/api
COPY static static
RUN npm --prefix static run build

# The program: one static binary with the console in it.
FROM golang:1.26-bookworm AS program
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=console /src/static/dist static/dist
ARG VERSION=docker
RUN go build -trimpath -tags netgo,osusergo,sqlite_omit_load_extension \
    -ldflags "-s -w -X main.version=${VERSION} -linkmode external -extldflags -static" -o /phaseout ./cmd/phaseout
RUN mkdir /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=program /phaseout /phaseout
COPY --from=program --chown=nonroot:nonroot /data /data
ENV PHASEOUT_DATA=/data PHASEOUT_ADDR=0.0.0.0:8080 PHASEOUT_PREPARE=true
VOLUME /data
EXPOSE 8080
USER nonroot
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/phaseout", "health"]
ENTRYPOINT ["/phaseout"]
CMD ["serve"]
