"""The durable records of the catalogue: rows and uploaded files are the truth, everything else
is derived.
"""

from webapp.catalog.models.asset import SHOWN_BY, Asset, AssetKind, kinds_showing
from webapp.catalog.models.attribute import AttributeValue
from webapp.catalog.models.embedding import Embedding, IndexJob, JobState
from webapp.catalog.models.features import TowerFeatures
from webapp.catalog.models.generation import GenerationState, IndexGeneration
from webapp.catalog.models.index_sequence import IndexClock, RemovedProduct
from webapp.catalog.models.model_change import ChangeStage, ChangeState, GoldenKind, SpaceChange
from webapp.catalog.models.preview import ClipPreview
from webapp.catalog.models.product import Category, Product
from webapp.catalog.models.tuning import Tuning, TuningStage, TuningState
from webapp.catalog.models.upload import Outcome, Upload, UploadRow, UploadState

__all__ = [
    "SHOWN_BY",
    "Asset",
    "AssetKind",
    "AttributeValue",
    "Category",
    "ChangeStage",
    "ChangeState",
    "ClipPreview",
    "Embedding",
    "GenerationState",
    "GoldenKind",
    "IndexClock",
    "IndexGeneration",
    "IndexJob",
    "JobState",
    "Outcome",
    "Product",
    "RemovedProduct",
    "SpaceChange",
    "TowerFeatures",
    "Tuning",
    "TuningStage",
    "TuningState",
    "Upload",
    "UploadRow",
    "UploadState",
    "kinds_showing",
]
