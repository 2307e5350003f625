"""The bodies, parameters and answers of the API: what validates requests is what the OpenAPI
schema is made of.
"""
