"""Category paths of catalogue rows → categories, created where missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.text import slugify

from webapp.catalog.models import Category, IndexClock

CategoryPath = tuple[str, ...]


class CategoryTree:
    """The category tree in memory: path of names → id. Loaded once per import, again when a row
    met a stale id.
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
            # Two siblings of one name cannot be told apart by a path: the first one is meant.
            self.ids.setdefault(path, node.pk)
            self._names[node.pk] = node.names

    def ensure(self, wanted: Iterable[CategoryPath]) -> None:
        """Create what is missing of these paths, ancestors included."""
        missing = {
            path[:depth] for path in wanted for depth in range(1, len(path) + 1)
        } - self.ids.keys()
        if not missing:
            return
        with transaction.atomic():
            _lock_tree()
            self.load()
            # Shorter paths first: a parent stands before its children.
            for path in sorted(missing - self.ids.keys(), key=lambda path: (len(path), path)):
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
        """Record names in other languages, given as whole paths; a name that is already there
        stays.
        """
        learnt = {}
        for path, by_language in names.items():
            for language, translated in by_language.items():
                if len(translated) != len(path):
                    continue
                for depth, name in enumerate(translated, 1):
                    known = self._names[self.ids[path[:depth]]]
                    if language not in known:
                        known[language] = name
                        learnt[self.ids[path[:depth]]] = known
        if learnt:
            nodes = [Category(pk=pk, names=names) for pk, names in sorted(learnt.items())]
            Category.objects.bulk_update(nodes, ["names"])


def _lock_tree() -> None:
    """Adding a node moves its siblings' paths, so two imports must not add at the same time."""
    IndexClock.objects.bulk_create([IndexClock(pk=1, value=0)], ignore_conflicts=True)
    IndexClock.objects.select_for_update().get(pk=1)


def free_slug(path: CategoryPath) -> str:
    """'sneakers', else 'shoes-sneakers', else numbered: short where it can be, unique always."""
    whole = slugify(" ".join(path))[:140] or "category"
    for slug in (slugify(path[-1])[:140], whole):
        if slug and not Category.objects.filter(slug=slug).exists():
            return slug
    taken = set(
        Category.objects.filter(slug__startswith=f"{whole}-").values_list("slug", flat=True)
    )
    number = next(number for number in range(2, len(taken) + 3) if f"{whole}-{number}" not in taken)
    return f"{whole}-{number}"
