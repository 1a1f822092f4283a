/* sendTransaction: decode, hand to the pool, answer with the receipt when the block is there. */
#include "access/rpc/call.h"
#include "access/rpc/chain_read.h"
#include "access/rpc/views.h"

static void answer(call_t *c, const bc_tx_t *tx, const bc_receipt_t *r, const bc_h256_t *hash,
                   const bc_proof_view_t *proof)
{
    bc_receipt_view_t v = { .suite = c->rpc->config.chain->suite,
                            .tx_hash = &tx->hash,
                            /* official: only successful ones tell their hash here */
                            .hash = r->data.status == 0 ? hash : NULL,
                            .receipt = r,
                            .tx = tx,
                            .input = c->rpc->config.return_input_params,
                            .proof = proof };
    bc_jw_t j = call_result(c);
    bc_receipt_json(&j, &v);
}

/* On a worker: the proof is over all receipts of the block, and building it is not for the loop. */
static void proof_job(call_t *c)
{
    const bc_node_submit_t *s = &c->submit;
    const bc_exec_result_t *result = s->block->result;
    bc_proof_view_t proof = { 0 };
    chain_proof(c, result->receipt_hashes, result->receipt_cnt, s->index, &proof);
    answer(c, c->tx, &result->receipts[s->index], &result->receipt_hashes[s->index], &proof);
}

static void proof_done(bc_op_t *op)
{
    call_t *c = BC_OWNER(op, call_t, read.op);
    if (op->err)
        call_fail(c, RPC_INTERNAL, "the node could not read: %s", bc_err_name(op->err));
    bc_committed_unref(c->submit.block);
    call_finish(c);
}

static bc_err_t proof_run(bc_node_read_t *r, bc_ledger_if ledger, bc_executor_if exec,
                          bc_view_if latest)
{
    call_t *c = BC_OWNER(r, call_t, read);
    c->ledger = ledger;
    c->exec = exec;
    c->view = latest;
    proof_job(c);
    return BC_OK;
}

/* The block came by synchronisation and its receipts are not at hand: read them (W7). */
static bc_err_t stored_run(bc_node_read_t *r, bc_ledger_if ledger, bc_executor_if exec,
                           bc_view_if latest)
{
    call_t *c = BC_OWNER(r, call_t, read);
    c->ledger = ledger;
    c->exec = exec;
    c->view = latest;
    bc_receipt_t receipt;
    bc_h256_t hash;
    bc_proof_view_t proof = { 0 };
    if (ledger.ops->receipt(ledger.self, &c->tx->hash, &receipt, &c->arena)) {
        call_fail(c, RPC_LEDGER_STORAGE, "GetTransactionReceiptByHash");
        return BC_OK;
    }
    chain_receipt_hash(c, &receipt, &hash);
    if (c->proof)
        chain_receipt_proof(c, receipt.data.block_number, &c->tx->hash, &proof);
    answer(c, c->tx, &receipt, &hash, c->proof ? &proof : NULL);
    return BC_OK;
}

static void submitted(bc_op_t *op)
{
    call_t *c = BC_OWNER(op, call_t, submit.op);
    bc_node_submit_t *s = &c->submit;
    bc_committed_t *b = s->block;
    rpc_saw_block(c->rpc, b);
    if (op->err) {
        call_fail(c, -1, "the node could not take the transaction: %s", bc_err_name(op->err));
    } else if (s->status == BC_TXS_POOL_TIMEOUT) {
        bc_receipt_t none = { .data.status = BC_TXS_POOL_TIMEOUT };
        answer(c, c->tx, &none, NULL, NULL);
    } else if (s->status != BC_TXS_NONE) {
        call_fail(c, s->status, "%s", bc_tx_status_name(s->status));
    } else {
        bool here = b && b->result && s->index < b->result->receipt_cnt;
        if (here && !c->proof) {
            answer(c, c->tx, &b->result->receipts[s->index], &b->result->receipt_hashes[s->index],
                   NULL);
        } else {
            if (!here)
                bc_committed_unref(b);
            if (!here)
                s->block = NULL;
            c->read.op.home = c->rpc->config.loop;
            c->read.op.done = proof_done;
            c->read.job = here ? proof_run : stored_run;
            c->rpc->node.ops->read(c->rpc->node.self, &c->read);
            return;
        }
    }
    bc_committed_unref(b);
    call_finish(c);
}

void sdk_send_transaction(call_t *c, bc_bytes_t group, bc_bytes_t hex, bool proof)
{
    (void)group;
    bc_rpc_t *rpc = c->rpc;
    bc_suite_t suite = rpc->config.chain->suite;
    if (hex.n == 0 || hex.n % 2) {
        call_fail(c, -1, "Unexpect hex string");
        return;
    }
    bc_wr_t raw = { .max = BC_TX_RAW_MAX };
    bc_err_t err = bc_hex_append(hex, &raw);
    if (err || raw.err) {
        bc_wr_free(&raw);
        call_fail(c, -1, "std::exception: the transaction is no hex text");
        return;
    }
    bc_tx_t *tx = NULL;
    err = bc_tx_decode(suite, bc_wr_view(&raw), &tx);
    bc_wr_free(&raw);
    if (err) {
        call_fail(c, -1, "the transaction cannot be decoded: %s", bc_err_name(err));
        return;
    }
    if (!bc_bytes_eq(tx->w.data.chain_id, bc_cstr(rpc->config.chain->chain_id))) {
        bc_tx_unref(tx);
        call_fail(c, -1, "Chain ID mismatch!");
        return;
    }
    c->tx = bc_tx_ref(tx);
    c->proof = proof;
    c->detached = true;
    c->submit = (bc_node_submit_t){ .op = { .home = rpc->config.loop, .done = submitted },
                                    .tx = tx,
                                    .wait = true };
    rpc->node.ops->submit(rpc->node.self, &c->submit);
}
