"""The bundled encoder: frozen towers joined by small trained heads, offline, on a CPU."""
