"""web3.py against the Web3 port: its formatters are strict about every reply."""
import json
import sys

from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError

url, artifact = sys.argv[1:3]
w = Web3(Web3.HTTPProvider(url))
probe = json.load(open(artifact, encoding="utf8"))
account = w.eth.account.create()


def send(call):
    tx = call.build_transaction({
        "from": account.address, "chainId": w.eth.chain_id,
        "nonce": w.eth.get_transaction_count(account.address, "pending"),
    })
    raw = account.sign_transaction(tx).raw_transaction
    receipt = w.eth.wait_for_transaction_receipt(w.eth.send_raw_transaction(raw), timeout=30, poll_latency=0.1)
    assert receipt.status == 1
    return receipt


def refused(call, kind, text):
    try:
        call.call({"from": account.address})
    except kind as e:
        assert text in str(e), e
    else:
        raise AssertionError(f"no {kind.__name__}")


made = send(w.eth.contract(abi=probe["abi"], bytecode=probe["bytecode"]).constructor(41))
c = w.eth.contract(address=made.contractAddress, abi=probe["abi"])
assert c.functions.value().call() == 41
polled = w.eth.filter({"address": c.address})
receipt = send(c.functions.set(42, "py"))
events = c.events.Changed().process_receipt(receipt)
assert [e.args.value for e in events] == [42]
assert [e.transactionHash for e in c.events.Changed().get_logs(from_block=0)] == [receipt.transactionHash]
assert [e.transactionHash for e in polled.get_new_entries()] == [receipt.transactionHash]
block = w.eth.get_block(receipt.blockNumber, full_transactions=True)
assert receipt.transactionHash in [t.hash for t in block.transactions]
refused(c.functions.failWithText(), ContractLogicError, "not today")
refused(c.functions.failWithPanic(0), ContractPanicError, "0x12")
refused(c.functions.failWithError(7), ContractCustomError, "")
assert w.eth.syncing is False and w.net.peer_count >= 0
assert w.eth.fee_history(1, "latest").baseFeePerGas == [0, 0]
