"""Threads that take turns."""

import threading
from collections.abc import Iterator

import pytest

from core.errors import StorageError
from core.inference.fair_pool import FairPool, Work
from tests.waiting import TIMEOUT_SECONDS


class Pieces:
    """A source of pieces of work, each of which is noted down."""

    def __init__(self, name: str, number: int, done: list[str]) -> None:
        self.name = name
        self.left = number
        self.done = done
        self.is_finished = threading.Event()
        self._lock = threading.Lock()

    def take(self) -> Work | None:
        with self._lock:
            if not self.left:
                self.is_finished.set()
                return None
            self.left -= 1
        return lambda: self.done.append(self.name)


@pytest.fixture
def pool() -> Iterator[FairPool]:
    made = FairPool(1)
    yield made
    made.close()


class Gate:
    """Work that keeps a thread busy until it is opened."""

    def __init__(self, pool: FairPool, owner: str = "gate") -> None:
        self._is_open = threading.Event()
        entered = threading.Event()

        def wait() -> None:
            entered.set()
            assert self._is_open.wait(TIMEOUT_SECONDS)

        self.future = pool.call(owner, wait)
        assert entered.wait(TIMEOUT_SECONDS)

    def open(self) -> None:
        self._is_open.set()


def wait_for(happened: threading.Event) -> None:
    assert happened.wait(TIMEOUT_SECONDS)


def test_owners_take_turns(pool: FairPool):
    """Three pieces of each are done in turn, whoever came first with how many."""
    done: list[str] = []
    gate = Gate(pool)
    sources = [Pieces(name, 3, done) for name in "abc"]
    for source in sources:
        pool.register(source.name, source)
    gate.open()
    for source in sources:
        wait_for(source.is_finished)
    assert "".join(done) == "abcabcabc"


def test_a_single_photo_is_next_behind_thousands(pool: FairPool):
    """Who has just come waits only for what is being worked on."""
    done: list[str] = []
    many = Pieces("many", 2_000, done)
    gate = Gate(pool, "many")
    pool.register("many", many)
    one = Pieces("one", 1, done)
    pool.register("one", one)
    gate.open()
    wait_for(one.is_finished)
    assert done.index("one") <= 1
    wait_for(many.is_finished)
    assert done.count("many") == 2_000


def test_a_newcomer_is_served_before_those_who_have_been_served(pool: FairPool):
    """In the middle of another one's pieces it does not wait for one more of them."""
    done: list[str] = []
    many = Pieces("many", 50, done)
    one = Pieces("one", 1, done)
    take = many.take

    def take_and_let_in() -> Work | None:
        if many.left == 40:
            pool.register("one", one)  # while the tenth is being worked on
        return take()

    many.take = take_and_let_in  # type: ignore[method-assign]
    pool.register("many", many)
    wait_for(one.is_finished)
    wait_for(many.is_finished)
    assert done.index("one") == 11


def test_coming_again_and_again_gives_nobody_more(pool: FairPool):
    """A visitor who asks for one frame after the other has no more turns than one who has photos waiting."""
    done: list[str] = []
    many = Pieces("photo", 6, done)
    gate = Gate(pool)
    last = threading.Event()

    def frame(number: int) -> None:
        done.append("frame")
        if number < 5:
            pool.call("live", lambda: frame(number + 1))
        else:
            last.set()

    pool.call("live", lambda: frame(0))
    pool.register("many", many)
    gate.open()
    wait_for(last)
    wait_for(many.is_finished)
    assert done == ["frame", "photo"] * 6


def test_ever_new_visitors_do_not_shut_out_the_others(pool: FairPool):
    """Whoever waits is served while others come without end."""
    done: list[str] = []
    gate = Gate(pool)
    patient = Pieces("patient", 3, done)

    def come(number: int) -> None:
        done.append("new")
        if not patient.is_finished.is_set():
            pool.call(f"visitor {number}", lambda: come(number + 1))

    pool.register("patient", patient)
    come(0)
    gate.open()
    wait_for(patient.is_finished)
    assert done[:12].count("patient") == 3


def test_several_sources_of_one_owner_share_its_turns(pool: FairPool):
    """Who opens ten tabs is served no more often than who has one."""
    done: list[str] = []
    gate = Gate(pool)
    sources = [Pieces("tab1", 2, done), Pieces("tab2", 2, done), Pieces("other", 4, done)]
    for source, owner in zip(sources, ("anna", "anna", "bert"), strict=True):
        pool.register(owner, source)
    gate.open()
    for source in sources:
        wait_for(source.is_finished)
    assert done == ["tab1", "other", "tab2", "other", "tab1", "other", "tab2", "other"]


def test_work_that_comes_while_there_is_none_is_not_overlooked(pool: FairPool):
    """A source that is registered just while it answers that it has nothing is asked again."""
    done: list[str] = []
    source = Pieces("a", 0, done)
    is_second, take = threading.Event(), source.take

    def take_none_and_get_more() -> Work | None:
        work = take()
        if work is None and not is_second.is_set():
            is_second.set()
            source.left = 1
            source.is_finished.clear()
            pool.register("a", source)
        return work

    source.take = take_none_and_get_more  # type: ignore[method-assign]
    pool.register("a", source)
    wait_for(is_second)
    wait_for(source.is_finished)
    assert done == ["a"]


def test_work_of_one_source_is_done_by_all_threads_at_once():
    """Two pieces meet, which they could not on one thread."""
    pool, meeting, finished = FairPool(2), threading.Barrier(2), threading.Semaphore(0)

    def meet() -> None:
        meeting.wait(TIMEOUT_SECONDS)
        finished.release()

    left = [meet, meet]

    class Two:
        def take(self) -> Work | None:
            return left.pop() if left else None

    pool.register("a", Two())
    assert finished.acquire(timeout=TIMEOUT_SECONDS)
    assert finished.acquire(timeout=TIMEOUT_SECONDS)
    pool.close()


def test_a_call_brings_its_result_or_its_error(pool: FairPool):
    """Whatever a function raises comes to whoever called it, and the thread lives on."""
    assert pool.call("a", lambda: 6 * 7).result(TIMEOUT_SECONDS) == 42
    with pytest.raises(ZeroDivisionError):
        pool.call("a", lambda: 1 // 0).result(TIMEOUT_SECONDS)

    def leave() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        pool.call("a", leave).result(TIMEOUT_SECONDS)
    assert pool.call("a", lambda: "alive").result(TIMEOUT_SECONDS) == "alive"


def test_a_call_can_be_taken_back(pool: FairPool):
    """A frame that nobody waits for any more is not worked on."""
    done: list[str] = []
    gate = Gate(pool)
    taken_back = pool.call("a", lambda: done.append("taken back"))
    last = pool.call("b", lambda: done.append("wanted"))
    assert pool.num_waiting == 2
    assert taken_back.cancel()
    gate.open()
    last.result(TIMEOUT_SECONDS)
    assert done == ["wanted"]


@pytest.mark.parametrize("fails", ["take", "work"])
def test_a_bug_of_a_source_is_logged_and_kills_no_thread(pool: FairPool, fails: str, caplog: pytest.LogCaptureFixture):
    """Others are served as before."""

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    left = [fail]

    class Broken:
        def take(self) -> Work | None:
            if fails == "take":
                fail()
            return left.pop() if left else None

    pool.register("a", Broken())
    done: list[str] = []
    other = Pieces("b", 2, done)
    pool.register("b", other)
    wait_for(other.is_finished)
    assert pool.call("a", lambda: 1).result(TIMEOUT_SECONDS) == 1
    assert done == ["b", "b"]
    assert "Work of the pool" in caplog.text


def test_whoever_works_can_ask_whether_it_is_alone(pool: FairPool):
    """A single photo may use all threads of its network, one of several not."""
    assert pool.call("a", lambda: pool.is_otherwise_idle).result(TIMEOUT_SECONDS)
    gate = Gate(pool)
    first = pool.call("b", lambda: pool.is_otherwise_idle)
    second = pool.call("c", lambda: pool.is_otherwise_idle)
    gate.open()
    assert (first.result(TIMEOUT_SECONDS), second.result(TIMEOUT_SECONDS)) == (False, True)


def test_closing_finishes_what_is_under_way_and_drops_the_rest():
    """Calls that wait fail with a sentence, later ones as well, and no thread is left."""
    pool, done = FairPool(1, name="closing"), []
    gate = Gate(pool)
    source = Pieces("a", 5, done)
    pool.register("a", source)
    waiting = pool.call("b", lambda: done.append("call"))
    taken_back = pool.call("c", lambda: done.append("call"))
    taken_back.cancel()
    closing = threading.Thread(target=pool.close)
    closing.start()
    with pytest.raises(StorageError, match="being stopped"):
        waiting.result(TIMEOUT_SECONDS)
    gate.open()
    closing.join(TIMEOUT_SECONDS)
    assert gate.future.done()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("closing")]
    pool.register("a", source)
    with pytest.raises(StorageError, match="being stopped"):
        pool.call("b", lambda: done.append("call")).result(TIMEOUT_SECONDS)
    pool.close()
    assert (done, source.left, pool.num_waiting) == ([], 5, 0)


def test_owners_who_are_gone_are_forgotten(pool: FairPool):
    """Memory does not grow with every visitor that ever came."""
    for number in range(500):
        pool.call(f"visitor {number}", lambda: None).result(TIMEOUT_SECONDS)
    assert len(pool._places) < 50
