"""Category paths → categories, created where missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.text import slugify

from webapp.catalog.models import Category, IndexClock

CategoryPath = tuple[str, ...]
"""Names from the root down."""


class CategoryTree:
    """The category tree in memory: path of names → id.

    An import loads it once, and again when a row met a stale id.
    """

    def __init__(self) -> None:
        self.ids: dict[CategoryPath, int] = {}
        self._names: dict[int, dict[str, str]] = {}
        self.load()

    def load(self) -> None:
        self.ids, self._names = {}, {}
        paths: dict[str, CategoryPath] = {}
        for node in Category.objects.order_by("path").only("path", "depth", "name", "names"):
            path = (*paths.get(node.path[: -Category.steplen], ()), node.name)
            paths[node.path] = path
            # A path cannot distinguish two siblings of one name: it means the first.
            self.ids.setdefault(path, node.pk)
            self._names[node.pk] = node.names

    def ensure(self, paths: Iterable[CategoryPath]) -> None:
        """Create the categories of these paths that are missing, ancestors included."""
        with_ancestors = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
        if with_ancestors <= self.ids.keys():
            return
        with transaction.atomic():
            _lock_tree()
            self.load()
            # Shorter paths first: a parent is created before its children.
            missing = with_ancestors - self.ids.keys()
            for path in sorted(missing, key=lambda path: (len(path), path)):
                self._create(path)

    def _create(self, path: CategoryPath) -> None:
        fields = {"name": path[-1], "slug": free_slug(path)}
        if len(path) == 1:
            node = Category.objects.add_root(fields)
        else:
            node = Category.objects.add_child(Category.objects.get(pk=self.ids[path[:-1]]), fields)
        self.ids[path] = node.pk
        self._names[node.pk] = {}

    def translate(self, names: Mapping[CategoryPath, Mapping[str, CategoryPath]]) -> None:
        """Store names in other languages, given as whole paths; a stored name stays."""
        changed: dict[int, dict[str, str]] = {}
        for path, by_language in names.items():
            for language, translated in by_language.items():
                if len(translated) == len(path):
                    changed |= self._add_names(path, language, translated)
        if changed:
            nodes = [Category(pk=pk, names=names) for pk, names in sorted(changed.items())]
            Category.objects.bulk_update(nodes, ["names"])

    def _add_names(
        self, path: CategoryPath, language: str, translated: CategoryPath
    ) -> dict[int, dict[str, str]]:
        """Return the names of the categories on the path that had none in this language."""
        changed = {}
        for depth, name in enumerate(translated, 1):
            pk = self.ids[path[:depth]]
            if language not in self._names[pk]:
                self._names[pk][language] = name
                changed[pk] = self._names[pk]
        return changed


def _lock_tree() -> None:
    """Lock the tree until commit.

    Adding a node moves its siblings' paths, so two imports must not add at the same time.
    """
    IndexClock.objects.bulk_create([IndexClock(pk=1, value=0)], ignore_conflicts=True)
    IndexClock.objects.select_for_update().get(pk=1)


def free_slug(path: CategoryPath) -> str:
    """Return 'sneakers', else 'shoes-sneakers', else a numbered one: short, and unique."""
    whole = slugify(" ".join(path))[:140] or "category"
    for slug in (slugify(path[-1])[:140], whole):
        if slug and not Category.objects.filter(slug=slug).exists():
            return slug
    taken = set(
        Category.objects.filter(slug__startswith=f"{whole}-").values_list("slug", flat=True)
    )
    number = next(number for number in range(2, len(taken) + 3) if f"{whole}-{number}" not in taken)
    return f"{whole}-{number}"
