FROM rust:1-slim AS build
WORKDIR /src
COPY . .
RUN cargo build --release

FROM debian:12-slim
COPY --from=build /src/target/release/MODULE /usr/local/bin/app
USER nobody
EXPOSE 8080
CMD ["app"]
