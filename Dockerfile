# Builds the image of one program, for several architectures at once with
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg PROGRAM=wamp-router -t wamp-router .
# (`make images` and `make release` build the same programs into images without Docker.)
ARG GO_VERSION=1.26
# On the machine's own architecture: Go compiles for the others without emulation.
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
ARG PROGRAM=wamp-operator
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY LICENSE ./
COPY api api
COPY cmd cmd
COPY controllers controllers
COPY router router
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /program ./cmd/${PROGRAM}

FROM gcr.io/distroless/static:nonroot
COPY --from=build /src/LICENSE /usr/share/doc/wamp-operator/LICENSE
COPY --from=build /program /program
USER 65532:65532
ENTRYPOINT ["/program"]
