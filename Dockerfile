# One image for web, workers and beat. BUILD=gpu installs the CUDA build of FAISS; torch supports CPU and GPU.
FROM python:3.11-slim-bookworm

ARG BUILD=cpu
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
WORKDIR /app

RUN useradd --create-home --uid 10001 omnishelf && mkdir /data && chown omnishelf /data
# torch.compile needs a C compiler on the GPU.
RUN if [ "$BUILD" = gpu ]; then apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*; fi
COPY requirements.txt requirements-gpu.txt requirements-milvus.txt ./
RUN pip install --no-cache-dir --upgrade pip \
 && if [ "$BUILD" = gpu ]; then pip install --no-cache-dir -r requirements-gpu.txt; \
    else pip install --no-cache-dir -r requirements.txt; fi \
 && pip install --no-cache-dir -r requirements-milvus.txt
COPY manage.py ./
COPY search search
COPY webapp webapp
COPY indexer indexer

ENV OMNISHELF_VAR_DIR=/data
USER omnishelf
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "webapp.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--access-logfile", "-"]
