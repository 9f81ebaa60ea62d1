/* Verdigris as a sampler of llama.cpp, over watermark/verdigris.h alone.
 *
 * It goes into the chain just before `dist`: after penalties, grammar, temperature and truncation, so that it changes what
 * is drawn from, and nothing after it changes the mark. One sampler is one answer at a time:
 *
 *   llama_sampler_chain_add(chain, llama_sampler_init_temp(0.8f));
 *   llama_sampler_chain_add(chain, verdigris_llama_init(marker, &policy, &err));
 *   llama_sampler_chain_add(chain, llama_sampler_init_dist(seed));
 *   if (verdigris_llama_check_chain(chain, &err) != VDG_OK) ...   // before the first draw
 *   token = llama_sampler_sample(chain, ctx, -1);
 *   if (verdigris_llama_status(mark, &status) != VDG_OK) ...      // after each draw
 *
 * What is accepted before the first apply is prompt: llama-server sends every prompt token through accept after reset.
 * Before the next answer: llama_sampler_reset(chain).
 *
 * Fail closed: a row that cannot be marked is left with one candidate, the end of the answer, and so are all later rows
 * until the sampler is reset. verdigris_llama_status says why.
 */
#ifndef VERDIGRIS_SAMPLER_H
#define VERDIGRIS_SAMPLER_H

#include <llama.h>
#include <stddef.h>
#include <stdint.h>
#include <verdigris.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Size as in verdigris.h; the arrays are copied. */
typedef struct {
  uint32_t size;
  llama_token end_id;              /* what a fault ends the answer with: llama_vocab_eot() or llama_vocab_eos() */
  const llama_token* split_ids;    /* a new sequence starts after one of these (tool calls, parts of an answer) */
  size_t split_n;                  /* NULL and 0: none */
  const llama_token* hidden_until; /* output up to the first of these is not delivered and counts as prompt (reasoning) */
  size_t hidden_n;                 /* NULL and 0: all output is delivered */
} verdigris_llama_policy;

typedef struct {
  uint32_t size;
  int32_t code;       /* VDG_OK; else why the answer was ended */
  int32_t state;      /* VDG_STATE_... of the row of the last apply; 0: none yet */
  int32_t reserved;
  uint64_t states[8]; /* positions accepted, by VDG_STATE_...; hidden ones are not among them */
  double kl_qp;       /* nats, summed over the accepted positions that were marked */
  char message[248];
} verdigris_llama_result;

/** A sampler of this marker.
 *
 *  Returns: to be given to a chain, or ended by llama_sampler_free; NULL: see err
 *  Args:    marker: must outlive the sampler and its clones
 *  In:      policy
 *  Out:     err: NULL allowed
 */
struct llama_sampler* verdigris_llama_init(const vdg_marker* marker, const verdigris_llama_policy* policy, vdg_error* err);

/** Whether the chain can be marked: ours once and just before a last `dist`, and none that draws by itself (mirostat, adaptive-p, greedy).
 *
 *  Returns: VDG_OK, VDG_NOT_SUPPORTED (what must not be there, by its name), VDG_FAILED_PRECONDITION (ours is not there)
 */
int32_t verdigris_llama_check_chain(struct llama_sampler* chain, vdg_error* err);

/** What became of the answer so far. To be asked after each draw.
 *
 *  Returns: the code of result, VDG_INVALID_ARGUMENT where the sampler is not ours
 *  Args:    sampler: ours, not the chain (llama_sampler_chain_get gives it)
 *  Out:     result:  NULL allowed
 */
int32_t verdigris_llama_status(const struct llama_sampler* sampler, verdigris_llama_result* result);

#ifdef __cplusplus
}
#endif

#endif /* VERDIGRIS_SAMPLER_H */
