"""The index in Milvus, for catalogues that outgrow one machine. Nothing here is imported unless
it is chosen.
"""

from search.vectors.milvus.builder import MilvusBuilder
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.generations import MilvusGenerations, forget
from search.vectors.milvus.naming import Names
from search.vectors.milvus.reader import MilvusIndex

__all__ = ["Connection", "MilvusBuilder", "MilvusGenerations", "MilvusIndex", "Names", "forget"]
