"""A saver around any LangGraph saver, whose checkpoints are the run's too.

The rule: LangGraph gets what the inner saver gives, in every method. Beside it each superstep is
saved in the run, which may fail without harm; and a writer that was overtaken by another on its
thread is told so, instead of mixing two histories.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from wflo_otel.context import current_frame
from wflo_otel.errors import CheckpointConflictError
from wflo_otel.seams.active import active
from wflo_otel.seams.saving import save_beside

#: What names a checkpoint of LangGraph: all that it needs to go on from there.
_PLACE = ("thread_id", "checkpoint_ns", "checkpoint_id")
#: What a saver need not have; LangGraph looks at the class.
_OPTIONAL = tuple(
    f"{a}{name}" for name in ("delete_for_runs", "copy_thread", "prune") for a in ("", "a")
)
#: What functions of LangGraph's functional API return and remember.
_RESULTS = frozenset({"__return__", "__end__", "__previous__"})
#: So many threads and subgraphs are watched by one saver.
_THREADS = 1024


class WfloSaver(BaseCheckpointSaver[Any]):
    """Saves each superstep in the run as well, and fences writers that were overtaken.

    Args:
        inner: the saver that keeps the checkpoints; it is not changed.
    """

    def __new__(cls, inner: BaseCheckpointSaver[Any]) -> WfloSaver:
        """Make one that has what the inner saver has, and no more."""
        return super().__new__(_class_with(_optional_of(type(inner))))

    def __init__(self, inner: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=inner.serde)
        #: The saver that keeps the checkpoints.
        self.inner = inner
        self._written: dict[tuple[str, str], str] = {}

    @property
    def config_specs(self) -> list[Any]:
        """The options of the inner saver."""
        return self.inner.config_specs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    # -- what is saved in the run ---------------------------------------------------------------

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a superstep.

        Raises:
            CheckpointConflictError: another writer has gone on from where this one was.
        """
        if (head := self._head_to_check(config)) is not None:
            self._check(config, self.inner.get_tuple(head))
        return self._kept(
            self.inner.put(config, checkpoint, metadata, new_versions), checkpoint, metadata
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a superstep.

        Raises:
            CheckpointConflictError: another writer has gone on from where this one was.
        """
        if (head := self._head_to_check(config)) is not None:
            self._check(config, await self.inner.aget_tuple(head))
        put = await self.inner.aput(config, checkpoint, metadata, new_versions)
        return self._kept(put, checkpoint, metadata)

    def _head_to_check(self, config: RunnableConfig) -> RunnableConfig | None:
        """The newest checkpoint's place, where this writer goes on from one of its own."""
        given = config["configurable"]
        written = self._written.get(_thread_of(config))
        if written is None or written != given.get("checkpoint_id"):
            return None
        return {"configurable": {**given, "checkpoint_id": None}}

    def _check(self, config: RunnableConfig, head: CheckpointTuple | None) -> None:
        if head is not None and head.checkpoint["id"] != self._written[_thread_of(config)]:
            raise CheckpointConflictError(*_thread_of(config))

    def _kept(
        self, put: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> RunnableConfig:
        while len(self._written) >= _THREADS:
            self._written.pop(next(iter(self._written)), None)
        self._written[_thread_of(put)] = checkpoint["id"]
        now, frame = active(), current_frame()
        if now is not None and frame is not None:
            source, step = metadata.get("source", "loop"), metadata.get("step", 0)
            name = f"step {step}" if source == "loop" else str(source)
            save_beside(now, frame, name, _state_of(put, checkpoint))
        return put

    # -- what is the inner saver's --------------------------------------------------------------

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what one node has written."""
        self.inner.put_writes(config, writes, task_id, task_path)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what one node has written."""
        await self.inner.aput_writes(config, writes, task_id, task_path)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, or the newest of a thread."""
        return self.inner.get_tuple(config)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, or the newest of a thread."""
        return await self.inner.aget_tuple(config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """List checkpoints, newest first."""
        return self.inner.list(config, filter=filter, before=before, limit=limit)

    def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, newest first."""
        return self.inner.alist(config, filter=filter, before=before, limit=limit)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread's checkpoints; those of the run stay."""
        self.inner.delete_thread(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread's checkpoints; those of the run stay."""
        await self.inner.adelete_thread(thread_id)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return what was written to channels since they were saved whole."""
        return self.inner.get_delta_channel_history(config=config, channels=channels)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return what was written to channels since they were saved whole."""
        return await self.inner.aget_delta_channel_history(config=config, channels=channels)

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the version of a channel that comes next."""
        return self.inner.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> WfloSaver:
        """Return one whose inner saver reads these classes too."""
        return WfloSaver(self.inner.with_allowlist(extra_allowlist))


def is_state(channel: str) -> bool:
    """Whether a channel is the user's, and none that LangGraph runs graphs with."""
    return channel in _RESULTS or not channel.startswith(("__", "branch:"))


def _thread_of(config: RunnableConfig) -> tuple[str, str]:
    given = config["configurable"]
    return str(given["thread_id"]), given.get("checkpoint_ns", "")


def _state_of(put: RunnableConfig, checkpoint: Checkpoint) -> dict[str, object]:
    """A superstep as it is saved in the run: the graph's values, and where LangGraph has them."""
    values = {name: value for name, value in checkpoint["channel_values"].items() if is_state(name)}
    place = {name: put["configurable"].get(name, "") for name in _PLACE}
    return {"values": values, "langgraph": place}


def _optional_of(kind: type) -> tuple[str, ...]:
    """What this class of savers has that a saver need not have."""
    return tuple(
        name
        for name in _OPTIONAL
        if getattr(kind, name, None) is not getattr(BaseCheckpointSaver, name, None)
    )


@cache
def _class_with(optional: tuple[str, ...]) -> type[WfloSaver]:
    methods = {name: _forwarding(name) for name in optional}
    return type(WfloSaver.__name__, (WfloSaver,), methods)


def _forwarding(name: str) -> Callable[..., Any]:
    def forward(self: WfloSaver, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    return forward
