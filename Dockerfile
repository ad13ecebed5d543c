# tenfold serve, from this repository: the base install and the extra `serve`, no Keras.
#
#     docker build --tag tenfold:0.2.0 .
#     docker run --rm --read-only --tmpfs /tmp --publish 127.0.0.1:8000:8000 tenfold:0.2.0
FROM python:3.13-slim AS build
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tenfold
COPY constraints/serve.txt constraints/
RUN /opt/tenfold/bin/pip install --require-hashes --requirement constraints/serve.txt
COPY LICENSE NOTICE README.md pyproject.toml ./
COPY tools/sbom.py tools/
COPY src src
RUN /opt/tenfold/bin/pip install --no-deps .

FROM python:3.13-slim
COPY --from=build /opt/tenfold /opt/tenfold
ENV PATH=/opt/tenfold/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --start-period=10s --interval=30s --timeout=5s CMD ["python", "-c", \
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=4)"]
ENTRYPOINT ["tenfold"]
CMD ["serve", "--host", "0.0.0.0", "--quiet"]
