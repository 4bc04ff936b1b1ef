# Three stages: pages and engine are built with all tools, the image holds only Python and the wheel.
FROM node:22-bookworm-slim AS pages
WORKDIR /src/web/ui
COPY web/ui/package.json web/ui/package-lock.json web/ui/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web/ui ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS engine
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake g++ make python3 python3-dev python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir "maturin>=1.14,<2"
WORKDIR /src
COPY . .
COPY --from=pages /src/web/static web/static
RUN /venv/bin/maturin build --release --out /wheels

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 softswitch \
    && useradd --system --uid 10001 --gid softswitch --home-dir /data --create-home softswitch
COPY --from=engine /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl && rm -rf /wheels
USER 10001:10001
WORKDIR /data
ENV SOFTSWITCH_DATA_DIR=/data
VOLUME /data
EXPOSE 8080/tcp 5060/udp 5060/tcp 20000-29999/udp
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["softswitch"]
CMD ["run"]
