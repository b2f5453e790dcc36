"""Bytes of a sealed file leave only while the transfer is STARTED and the record holds nothing back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest

from armslength.core.process import Role
from armslength.core.transfer import DataAddress, Transfer, TransferState
from armslength.engine.contents import dataset_id
from tests.golden.terms import at
from tests.sim.harness import World
from tests.sim.script import begin, perform
from tests.sim.virtual import play

TOKEN = "t" * 43


def _transfer(dataset: str, state: TransferState = TransferState.STARTED, token: str | None = TOKEN) -> Transfer:
    address = DataAddress(endpoint_type="HTTP", endpoint="https://a/data", authorization=token, auth_type="bearer")
    return Transfer(
        role=Role.PROVIDER,
        pid="p",
        peer_pid="c",
        peer="did:b",
        address="https://b",
        dataset=dataset,
        state=state,
        agreement="a",
        format="HttpData-PULL",
        data_address=None if state is TransferState.SUSPENDED else address,
    )


def test_a_token_dies_with_its_transfer_and_with_what_the_record_says(tmp_path: Path) -> None:
    """The token of the transfer's own address opens the file; no other does, nor this one once the transfer is
    suspended or over, the record withholds or forfeits the tranche, or the node is told to stop (rule 6.6c)."""

    async def story() -> None:
        async with World(tmp_path) as world:
            await begin(world)
            await perform(world, at(7, 1))
            live, access = await world.nodes["A"].live(), world.nodes["A"].running.access
            dataset, name = dataset_id(live.arrangement, "T2"), f"{live.arrangement}.T2"
            assert live.record.sealed.state.tranches["T2"].shown in {"READY", "DELIVERED"}

            async def good(transfer: Transfer | None, token: str = TOKEN) -> bool:
                with patch.object(access._exchange, "transfer_for", AsyncMock(return_value=transfer)):
                    return await access.authorise(name, token) is not None

            assert await good(_transfer(dataset))
            assert not await good(_transfer(dataset), "x")
            assert not await good(_transfer(dataset, token=None), "None")
            assert not await good(None)
            for state in set(TransferState) - {TransferState.STARTED}:
                assert not await good(_transfer(dataset, state)), state
            state = live.record.sealed.state
            for change in ({"withheld": ("held",)}, {"stage": "FORFEITED"}):
                other = dataclasses.replace(state.tranches["T2"], **change)  # type: ignore[arg-type]
                with patch.dict(state.tranches, {"T2": other}):  # type: ignore[arg-type]
                    assert not await good(_transfer(dataset)), change
            assert await good(_transfer(dataset))
            access.close()
            assert not await good(_transfer(dataset))

    play(story())


@pytest.mark.parametrize("name", ["", ".", "x", "x.T1", "ab" * 32 + ".T9"])
def test_a_stranger_s_name_opens_nothing(tmp_path: Path, name: str) -> None:
    """Whatever stands in the path, without a transfer of ours there is nothing."""

    async def story() -> None:
        async with World(tmp_path) as world:
            assert await world.nodes["A"].running.access.authorise(name, TOKEN) is None

    play(story())
