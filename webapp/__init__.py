"""The Django project: catalogue, shop pages, admin and REST API."""
