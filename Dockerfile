# Builds the image of one program: docker build --build-arg PROGRAM=wamp-router -t wamp-router .
# (`make images` builds the same images without Docker.)
ARG GO_VERSION=1.26
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
ARG PROGRAM=wamp-operator
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY controllers controllers
COPY router router
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /program ./cmd/${PROGRAM}

FROM gcr.io/distroless/static:nonroot
COPY --from=build /program /program
USER 65532:65532
ENTRYPOINT ["/program"]
