FROM golang:1.25 AS build
WORKDIR /src
COPY go.mod go.su[m] ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -o /app .

FROM debian:12-slim
COPY --from=build /app /app
USER nobody
EXPOSE 8080
CMD ["/app"]
