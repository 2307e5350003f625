"""The models of the catalogue. Rows and uploaded files are the truth; the rest is derived."""

from webapp.catalog.models.asset import Asset, AssetKind
from webapp.catalog.models.attribute import AttributeValue
from webapp.catalog.models.embedding import Embedding, IndexJob, JobState
from webapp.catalog.models.features import CachedFeatures
from webapp.catalog.models.generation import GenerationState, IndexGeneration
from webapp.catalog.models.index_sequence import IndexClock, RemovedProduct
from webapp.catalog.models.model_change import (
    GoldenSetSource,
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
)
from webapp.catalog.models.preview import ClipPreview
from webapp.catalog.models.product import Category, Product
from webapp.catalog.models.tuning import Tuning, TuningStage, TuningState
from webapp.catalog.models.upload import Outcome, Upload, UploadRow, UploadState

__all__ = [
    "Asset",
    "AssetKind",
    "AttributeValue",
    "CachedFeatures",
    "Category",
    "ClipPreview",
    "Embedding",
    "GenerationState",
    "GoldenSetSource",
    "IndexClock",
    "IndexGeneration",
    "IndexJob",
    "JobState",
    "ModelChange",
    "ModelChangeStage",
    "ModelChangeState",
    "Outcome",
    "Product",
    "RemovedProduct",
    "Tuning",
    "TuningStage",
    "TuningState",
    "Upload",
    "UploadRow",
    "UploadState",
]
