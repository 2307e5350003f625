"""The Django project: catalogue, shop, admin and REST API."""
