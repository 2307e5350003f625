"""One record per modality: everything that depends on the kind of a file or text but is no code.

To add a modality, add it to `search.types.Modality`, add its record here, and write its decoder;
tests/webapp/catalog/test_modalities.py lists what else must know it (labels of pages, mostly).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from search.types import Modality


@dataclass(frozen=True, slots=True)
class ModalityRecord:
    """What the product knows of one kind of asset, and of views of this modality."""

    modality: Modality

    view_modalities: tuple[Modality, ...]
    """Modalities of the views of such an asset."""

    encoder_modality: Modality
    """Modality of the encoder's tower that encodes views of this modality."""

    weights: Mapping[Modality, float]
    """Weight of a view of this modality by the modality of the query; 1 where it has none
    (docs/fusion.md has the figures)."""

    query_field: str
    """Field of an evaluation query."""

    icon: str
    """Name in webapp/static/shop/icons.svg."""

    upload_column: str = ""
    """Column of a catalogue that names files; empty for texts."""

    formats: tuple[str, ...] = ()
    """Names of accepted file formats, as users know them."""

    is_clip: bool = False
    """Whether a file has a play time and is decoded in the sandbox process, under the limits of
    clips. Other files are pictures."""

    claim_size: int | None = None
    """Contents that a worker encodes at a time; None: as many pictures as the encoder takes."""

    player_tag: str = ""
    """HTML element that plays a file."""

    track: str = ""
    """FFmpeg's name of the track of a clip that such views are made from."""

    track_label: str = ""
    """Name of that track in messages."""

    @property
    def format_list(self) -> str:
        """The formats as a sentence lists them: A, B or C."""
        *others, last = self.formats
        return f"{', '.join(others)} or {last}"


@dataclass(frozen=True)
class ModalityTable:
    """The records of all modalities, and the tables that follow from them."""

    records: tuple[ModalityRecord, ...]
    _by_modality: dict[str, ModalityRecord] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        records = {record.modality.value: record for record in self.records}
        object.__setattr__(self, "_by_modality", records)

    def __getitem__(self, modality: str) -> ModalityRecord:
        return self._by_modality[modality]

    def __iter__(self) -> Iterator[ModalityRecord]:
        return iter(self.records)

    @property
    def files(self) -> tuple[Modality, ...]:
        """Kinds of assets that are files."""
        return tuple(record.modality for record in self if record.upload_column)

    @property
    def clips(self) -> tuple[Modality, ...]:
        """Kinds of assets with a play time."""
        return tuple(record.modality for record in self if record.is_clip)

    @property
    def upload_columns(self) -> dict[str, Modality]:
        """Kind of asset by the catalogue column that names its files."""
        return {record.upload_column: record.modality for record in self if record.upload_column}

    @property
    def query_fields(self) -> dict[str, Modality]:
        """Modality by the field of an evaluation query."""
        return {record.query_field: record.modality for record in self}

    @property
    def weights(self) -> dict[tuple[Modality, Modality], float]:
        """Weight in the ranking by (modality of the query, modality of the view)."""
        table = {}
        for record in self:
            for query_modality, weight in record.weights.items():
                table[query_modality, record.modality] = weight
        return table

    @property
    def accepted_formats(self) -> str:
        """The accepted file formats as a message lists them."""
        return "; ".join(", ".join(record.formats) for record in self if record.formats)

    def asset_kinds(self, view_modality: str) -> list[Modality]:
        """Return the kinds of assets that have views of this modality."""
        return [record.modality for record in self if view_modality in record.view_modalities]

    def encodable(self, encoder_modalities: Iterable[Modality]) -> frozenset[Modality]:
        """Return the modalities of which an encoder with these towers makes views."""
        towers = frozenset(encoder_modalities)
        return frozenset(record.modality for record in self if record.encoder_modality in towers)


MODALITIES = ModalityTable((
    ModalityRecord(
        Modality.TEXT,
        view_modalities=(Modality.TEXT,),
        encoder_modality=Modality.TEXT,
        weights={Modality.TEXT: 1.0, Modality.PICTURE: 0.25, Modality.AUDIO: 0.25},
        query_field="text",
        icon="words",
        claim_size=256,
        track="subtitle",
        track_label="subtitles",
    ),
    ModalityRecord(
        Modality.PICTURE,
        view_modalities=(Modality.PICTURE,),
        encoder_modality=Modality.PICTURE,
        weights={Modality.TEXT: 0.5, Modality.PICTURE: 1.0, Modality.AUDIO: 0.25},
        query_field="image",
        icon="picture",
        upload_column="images",
        formats=("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF"),
    ),
    ModalityRecord(
        Modality.AUDIO,
        view_modalities=(Modality.AUDIO,),
        encoder_modality=Modality.AUDIO,
        weights={Modality.TEXT: 1.0, Modality.PICTURE: 0.5, Modality.AUDIO: 1.0},
        query_field="audio",
        icon="sound",
        upload_column="audio",
        formats=("WAV", "MP3", "FLAC", "OGG", "AAC", "M4A", "AIFF"),
        is_clip=True,
        # The clips of a claim become searchable together, so few: short ones wait for long ones.
        claim_size=8,
        player_tag="audio",
        track="audio",
        track_label="sound",
    ),
    ModalityRecord(
        Modality.VIDEO,
        # Views of its subtitles, its audio track and its key frames.
        view_modalities=(Modality.TEXT, Modality.AUDIO, Modality.VIDEO),
        encoder_modality=Modality.PICTURE,
        weights={Modality.TEXT: 1.5, Modality.PICTURE: 1.0, Modality.AUDIO: 0.25},
        query_field="video",
        icon="video",
        upload_column="video",
        formats=("MP4", "MOV", "WebM", "MKV", "AVI"),
        is_clip=True,
        claim_size=2,
        player_tag="video",
        track="video",
        track_label="pictures",
    ),
))  # fmt: skip
