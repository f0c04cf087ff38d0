"""A small HTTP proxy: passes absolute-form requests on, opens tunnels for CONNECT, wants credentials if told so.

proxy = Proxy(user="ada", password="hush")
proxy.port; proxy.asked        # first lines of the requests that it got
proxy.refuse = 502             # answers so by itself from now on
proxy.stop()
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import threading
from urllib.parse import urlsplit


class Proxy:
    def __init__(self, *, user: str = "", password: str = "") -> None:
        self._wanted = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.refuse = 0
        self.says: tuple[str, ...] = ()  # header lines of its own refusals
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opened = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opened, self._loop).result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not await self._handle(head, reader, writer):
                    break
        writer.close()

    async def _handle(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.asked.append(line)
        self.heads.append(head.decode("latin-1"))
        method, target, _ = line.split(" ")
        sent = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        if self._wanted and sent.get("proxy-authorization") != self._wanted:
            return await self._say(writer, 407, 'Proxy-Authenticate: Basic realm="proxy"')
        if self.refuse:
            return await self._say(writer, self.refuse, *self.says)
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            return await self._tunnel(host, int(port), reader, writer)
        url = urlsplit(target)
        if url.scheme != "http":
            return await self._say(writer, 400)
        body = await reader.readexactly(int(sent.get("content-length", 0)))
        path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        kept = [field for field in fields if not field.lower().startswith("proxy-")]
        onward = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode("latin-1")
        try:
            there, back = await asyncio.open_connection(url.hostname, url.port or 80)
        except OSError:
            return await self._say(writer, 502, "Proxy-Status: small; error=connection_refused")
        back.write(onward + body)
        answer = await there.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", answer.lower())
        answer += await there.readexactly(int(length[1])) if length else await there.read()
        back.close()
        writer.write(answer)
        await writer.drain()
        return False

    async def _tunnel(self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            there, back = await asyncio.open_connection(host, port)
        except OSError:
            return await self._say(writer, 502)
        writer.write(b"HTTP/1.0 200 Connection established\r\nProxy-Agent: small\r\n\r\n")
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
        return False

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, status: int, *fields: str) -> bool:
        lines = [f"HTTP/1.1 {status} X", "Content-Length: 5", *fields, "", "sorry"]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()
        return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
