"""A server that says exactly the bytes it is told, so that a test can break HTTP where it likes."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

RESET_ON_CLOSE = b"\1\0\0\0\0\0\0\0"  # SO_LINGER with zero seconds


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def request(self) -> bytes:
        """The next request, head and body. Raises IncompleteReadError when the client hangs up instead."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return head + await self._reader.readexactly(length)

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def answer(self, body: bytes = b"ok", status: int = 200, headers: tuple[bytes, ...] = ()) -> None:
        lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *headers]
        await self.say(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def close(self) -> None:
        self._writer.close()

    def half_close(self) -> None:
        self._writer.write_eof()

    async def reset(self, after_s: float = 0.02) -> None:
        await asyncio.sleep(after_s)  # let what was said arrive first
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def hung_up(self) -> None:
        """Returns when the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read()


class RawServer:
    """`async with RawServer(talk) as server`: `talk(connection)` runs for each connection."""

    def __init__(self, talk: Callable[[Connection], Awaitable[None]], tls: ssl.SSLContext | None = None) -> None:
        self._talk, self._tls = talk, tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0

    async def __aenter__(self) -> "RawServer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(Connection(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def saying(data: bytes, then: str = "close") -> Callable[[Connection], Awaitable[None]]:
    """Answer every connection's first request with `data`, then close, half_close, reset or wait."""

    async def talk(connection: Connection) -> None:
        await connection.request()
        await connection.say(data)
        if then == "reset":
            await connection.reset()
        elif then == "half_close":
            connection.half_close()
        if then in ("half_close", "wait"):
            await connection.hung_up()

    return talk


async def echo(connection: Connection) -> None:
    """Answers each request with its own bytes."""
    while True:
        await connection.answer(await connection.request())


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
