/* Verdigris for serving code: marks the next-token distribution of a language model, one row of logits at a time.
 *
 * A profile says how to mark, key files say under which keys; the two make a marker, and a marker marks rows. Nothing
 * is remembered between two calls: the caller hands in the ids of this answer so far, WITHOUT the prompt, and a call
 * may be repeated (resampling, rejected drafts) without effect. The mark is the last change before the draw: after
 * penalties, temperature and truncation; the engine then draws from the row as it is. See docs/life_of_a_token.md.
 *
 * Arguments stand in this order: handle, inputs, in/outs, outputs, error. A length follows its array. `NULL allowed` is
 * said where it holds; any other NULL pointer is VDG_INVALID_ARGUMENT, except that an array of length 0 may be NULL.
 *
 * Codes. A function without another type here returns a code, 0 for success (VDG_OK). Outputs are set on success only,
 * in batches by row; a refused row of logits keeps every bit. What becomes of a position (repeated, too short, off) is
 * a state, never a code. The last argument may be NULL; else it is filled on every call, on success with code 0.
 *
 * Structs. All but vdg_param and vdg_error start with `size`, which the caller sets to the sizeof it was compiled with.
 * They grow at the end only. A smaller size is VDG_INVALID_ARGUMENT; a larger one is taken if all bytes that this
 * library does not know are zero. So: set a struct to zero, then its size, then what is needed. Of an array of structs
 * that is filled, the first entry's size is read and holds for all; the others' need not be set.
 *
 * Threads. Profiles, keys and markers are immutable: any number of threads may use one at the same time, and no lock is
 * taken while marking. A history has one user at a time. Everything works after fork.
 *
 * Ownership. What _new, _parse, _clone, _read and _account give is ended by the _free of the same type, which takes
 * NULL. A marker keeps what it needs, so its profile and keys may go first. No call keeps a pointer of the caller's.
 *
 * Never out of the library: the bytes of a key, a C++ exception, output to a stream. Messages name a thing, its value
 * and its bound, and hold no key and no text.
 *
 * Example: marks one row of `vocab` float logits, after temperature and truncation.
 *
 *   static int32_t mark_row(const char *profile_bytes, size_t profile_n, const vdg_key *const *keys, size_t keys_n,
 *                           const uint32_t *output_ids, size_t output_n, float *logits, size_t vocab, vdg_error *err) {
 *     vdg_profile *profile = NULL;
 *     vdg_marker *marker = NULL;
 *     vdg_row row = {0};
 *     vdg_price price = {0};
 *     row.size = sizeof row;
 *     row.mode = VDG_MODE_DISTRIBUTION;
 *     row.dtype = VDG_DTYPE_F32;
 *     row.logits = logits;
 *     row.count = vocab;
 *     price.size = sizeof price;
 *     int32_t code = vdg_profile_parse(profile_bytes, profile_n, &profile, err);
 *     if (code == VDG_OK) code = vdg_marker_new(profile, keys, keys_n, NULL, 0, &marker, err);
 *     vdg_profile_free(profile);
 *     if (code == VDG_OK) code = vdg_mark(marker, output_ids, output_n, VDG_REPEAT_FIND, &row, &price, err);
 *     vdg_marker_free(marker);
 *     return code;  // price.state says whether the row was marked; it now holds ln Q: draw at temperature 1
 *   }
 *
 * A server parses and makes the marker once, not for each row.
 */
#ifndef VERDIGRIS_H
#define VERDIGRIS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define VDG_API __attribute__((visibility("default")))
#else
#define VDG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface, as vdg_abi() gives it: the number in libverdigris.so.1. It is raised only when a function
 * goes or changes its meaning. */
#define VDG_ABI 1

/* Codes; the numbers never change. */
#define VDG_OK 0
#define VDG_INVALID_ARGUMENT 10    /* a value out of its range, by the caller */
#define VDG_FAILED_PRECONDITION 11 /* something needed is missing, such as a key */
#define VDG_MISMATCH 12            /* things that do not belong together: key and profile, profile and expectation */
#define VDG_NOT_SUPPORTED 13       /* this scheme, profile or build cannot do that here */
#define VDG_MALFORMED 20           /* bytes that are not what they should be */
#define VDG_UNSUPPORTED 21         /* a version or feature of a file that this build does not know */
#define VDG_LIMIT 22               /* above a stated limit; also a buffer too short */
#define VDG_AUTH 23                /* wrong passphrase, or a damaged key file: the two cannot be told apart */
#define VDG_UNSAFE 24              /* a secret file that others can read or replace; for callers that read files */
#define VDG_NO_MEMORY 30
#define VDG_INTERNAL 40 /* a fault of this library or of the cryptographic library below it */

/* What became of a position. */
#define VDG_STATE_MARKED 1    /* in vdg_score: scored */
#define VDG_STATE_OFF 2       /* a batch row without marker */
#define VDG_STATE_SHORT 3     /* fewer ids so far than the window has */
#define VDG_STATE_SPECIAL 4   /* a special id in the window; in vdg_score also the id itself */
#define VDG_STATE_REPEATED 5  /* the window occurred before in this answer; in vdg_score also a tuple met before */
#define VDG_STATE_NO_CHOICE 6 /* one candidate left, or special ids only */

/* Whose key marks a position. */
#define VDG_LAYER_NONE 0
#define VDG_LAYER_PROVIDER 1
#define VDG_LAYER_ACCOUNT 2

#define VDG_MODE_BIAS 1         /* adds to logits in place; scheme green with specials plain */
#define VDG_MODE_DISTRIBUTION 2 /* the softmax of the row is P; ln Q is written back, -inf where Q is 0 */

#define VDG_DTYPE_F32 1
#define VDG_DTYPE_F16 2
#define VDG_DTYPE_BF16 3

/* `repeat` of vdg_mark and vdg_mask: whether the window of this position occurred before in this answer. */
#define VDG_REPEAT_FIND 0     /* found out from output_ids, which then must be all ids of the answer: O(n) */
#define VDG_REPEAT_NEW 1      /* the caller knows that it did not: the last h ids are enough */
#define VDG_REPEAT_REPEATED 2 /* the caller knows that it did: the row is left as it is */

/* `states` of a batch, as vdg_history_peek gives them. */
#define VDG_WINDOW_NEW 1
#define VDG_WINDOW_REPEATED 2
#define VDG_WINDOW_SHORT 3

/* `rule` of vdg_score_sequence. */
#define VDG_RULE_TUPLE 0 /* each tuple (window, id) once */
#define VDG_RULE_FIRST 1 /* and only at the first place of its window, since repeats are left unmarked */

/* Ids in a window: 1 to VDG_MAX_WINDOW. */
#define VDG_MAX_WINDOW 8

typedef struct vdg_profile vdg_profile;
typedef struct vdg_key vdg_key;
typedef struct vdg_marker vdg_marker;
typedef struct vdg_history vdg_history;

/* Filled by every call that gets one. 256 bytes, the caller's. */
typedef struct {
  int32_t code;
  int32_t row;       /* of a batch: the first faulty row; else -1 */
  char message[248]; /* always ended by a NUL; empty on success; cut between two characters where it is too long */
} vdg_error;

/* A setting by name and value, both ended by a NUL. */
typedef struct {
  const char* name;
  const char* value;
} vdg_param;

/* Candidates of one draw as the engine has them. */
typedef struct {
  uint32_t size;
  int32_t mode;        /* VDG_MODE_... */
  int32_t dtype;       /* VDG_DTYPE_... */
  int32_t reserved;    /* 0 */
  void* logits;        /* in nats; candidate i lies logit_stride * i bytes behind; need not be aligned */
  const void* ids;     /* id_stride * i bytes behind: a uint32_t, each id once. NULL: candidate i is id i */
  size_t count;        /* candidates, at least 1; may be below or above the profile's vocabulary */
  size_t logit_stride; /* bytes, at least the type's size; 0: packed */
  size_t id_stride;    /* bytes, at least 4; 0: packed */
  double scale;        /* bias adds binary32(delta * scale): 1, or the temperature where the hook lies before it; in
                          (0,100]. Not read in distribution mode */
} vdg_row;

/* What became of one row, and what it cost. Masses and divergences in nats are 0 where has_masses is 0. They are those of
 * this row under this key. Of a scheme that changes the distribution (vdg_profile_get: unbiased is false) their mean is
 * what marking costs; of the others the mean of Q over keys is P, and they say how much choice a key takes away. */
typedef struct {
  uint32_t size;
  int32_t code;       /* of this row; the members below are 0 where it is not 0 */
  int32_t state;      /* VDG_STATE_... */
  int32_t layer;      /* VDG_LAYER_... of a window that could be marked, else 0 */
  int32_t has_masses; /* 1 where a row was marked in distribution mode */
  int32_t reserved;
  double green;   /* favoured share of the markable mass of P: of the green ids (green), the winner (gumbel), the ids with
                     a 1 in the first layer (tournament), the channel's segment (multichannel) */
  double special; /* mass of special ids in P */
  double kl_qp;   /* KL(Q||P) */
  double kl_pq;   /* KL(P||Q); infinite where an id of P has become impossible, as nearly always in gumbel */
  double tv;      /* total variation distance */
} vdg_price;

/* Rows of one decoding step. Row r: logits + row_stride * r bytes, packed inside; candidate i is id i. */
typedef struct {
  uint32_t size;
  int32_t mode;
  int32_t dtype;
  int32_t threads; /* to work with, this one included; 0: 1; more than rows are never started */
  size_t rows;
  size_t count;      /* logits a row */
  size_t row_stride; /* bytes; 0: packed */
  void* logits;
  const vdg_marker* const* markers; /* rows; all of one scheme_id, accounts may differ. NULL entry: state off, the row
                                       is not looked at */
  const uint32_t* windows;          /* rows x h, oldest id first */
  const uint8_t* states;            /* rows; VDG_WINDOW_... */
  const double* scale;              /* rows, as in vdg_row; NULL: 1 */
} vdg_batch;

/* One position of a text under the keys of a marker. */
typedef struct {
  uint32_t size;
  int32_t layer; /* VDG_LAYER_... where scored, else 0 */
  int32_t state; /* VDG_STATE_... */
  int32_t reserved;
  uint64_t score; /* green, multichannel: 1 or 0; gumbel: units of 2^-32 nat; tournament: 0 to layers + the first half */
} vdg_score;

/* Sums over the scored positions of one layer. */
typedef struct {
  uint32_t size;
  int32_t layer;
  uint64_t n;         /* tuples scored */
  uint64_t statistic; /* sum of their scores */
  char kid[24];       /* id of the layer's key, 16 hex digits; empty where the profile has no such layer */
} vdg_total;

/* ---- the library ------------------------------------------------------------------------------------------------ */

/** Version of this interface of the library that is loaded.
 *
 *  Returns: VDG_ABI of the library. Cannot fail.
 */
VDG_API uint32_t vdg_abi(void);

/** Version of the project, "MAJOR.MINOR.PATCH".
 *
 *  Returns: static text, never NULL.
 */
VDG_API const char* vdg_version(void);

/** Name of a code, such as "invalid_argument".
 *
 *  Returns: static text, never NULL; "unknown" for a number that is no code.
 */
VDG_API const char* vdg_code_name(int32_t code);

/** Whether this build, on this machine, has a feature: "scheme.green", "mode.bias", "mode.distribution", "mode.mask",
 *  "profile.1", "keyfile.1", "history.1"; "aes.hardware" (the processor's AES instructions are used).
 *
 *  Returns: 1 or 0; 0 for a name that is not known.
 *  In:      name: NULL allowed (0)
 */
VDG_API int32_t vdg_has(const char* name);

/** Computes known answers (a key tree, a mask, scores) through the code that marks. Below one millisecond; a server
 * calls it once at start.
 *
 *  Returns: VDG_OK, VDG_INTERNAL where an answer differs, VDG_NO_MEMORY
 *  Out:     err: NULL allowed, here and in every function below
 */
VDG_API int32_t vdg_selftest(vdg_error* err);

/* ---- profiles --------------------------------------------------------------------------------------------------- */

/** Reads a profile file.
 *
 *  Returns: VDG_OK, VDG_MALFORMED, VDG_UNSUPPORTED (another version), VDG_LIMIT, VDG_INVALID_ARGUMENT, VDG_NO_MEMORY
 *  In:      data: the file's bytes
 *           n:    how many
 *  Out:     profile: to be ended by vdg_profile_free
 */
VDG_API int32_t vdg_profile_parse(const void* data, size_t n, vdg_profile** profile, vdg_error* err);

VDG_API void vdg_profile_free(vdg_profile* profile);

/** One member of a profile as text: the members of the scheme object (scheme, prf, window, vocab, provider_share,
 *  unmarked_ids as JSON, tokenizer_sha256, normaliser, and the scheme's own, such as planes and threshold), those of
 * the sampler (specials; delta_milli and zero_temperature where the scheme has them), scheme_id (64 hex digits), digest
 * (SHA-256 of the file, hex) and unbiased (true where the mean of Q over keys is P, else false).
 *
 *  Returns: VDG_OK, VDG_LIMIT where cap is below need, VDG_INVALID_ARGUMENT for a name that this profile does not have,
 *           VDG_NO_MEMORY
 *  Args:    profile
 *  In:      name
 *           cap:  bytes at buf
 *  Out:     buf:  the text and a NUL; NULL allowed where cap is 0
 *           need: bytes that it takes, the NUL counted; set also with VDG_LIMIT. NULL allowed
 */
VDG_API int32_t vdg_profile_get(const vdg_profile* profile, const char* name, char* buf, size_t cap, size_t* need,
                                vdg_error* err);

/* ---- keys ------------------------------------------------------------------------------------------------------- */

/** Reads a key file. The caller has read the bytes from a place that is safe, and wipes them.
 *
 *  Returns: VDG_OK, VDG_MALFORMED, VDG_UNSUPPORTED, VDG_LIMIT, VDG_AUTH (passphrase missing or wrong; damaged),
 *           VDG_INVALID_ARGUMENT, VDG_NO_MEMORY (also where scrypt has not enough)
 *  In:      data, n: the file's bytes
 *           passphrase, passphrase_n: of a protected file, else not looked at. NULL allowed: none
 *  Out:     key: to be ended by vdg_key_free, which wipes it
 */
VDG_API int32_t vdg_key_parse(const void* data, size_t n, const void* passphrase, size_t passphrase_n, vdg_key** key,
                              vdg_error* err);

VDG_API void vdg_key_free(vdg_key* key);

/** One public member of a key as text: role, kid, scheme_id, epoch, account; empty where the role has none. No name
 * gives the key itself.
 *
 *  Returns, arguments: as vdg_profile_get
 */
VDG_API int32_t vdg_key_get(const vdg_key* key, const char* name, char* buf, size_t cap, size_t* need, vdg_error* err);

/* ---- markers ---------------------------------------------------------------------------------------------------- */

/** Makes a marker of a profile and its keys: provider, selector and account key of one epoch, those that the profile's
 *  provider_share asks for.
 *
 *  Returns: VDG_OK;
 *           VDG_FAILED_PRECONDITION where a key is missing;
 *           VDG_MISMATCH for a key of another scheme or epoch, a second key of a role, a master, scheme or epoch key,
 *           and where an expectation is not met;
 *           VDG_INVALID_ARGUMENT, VDG_INTERNAL (no AES), VDG_NO_MEMORY
 *  In:      profile
 *           keys, keys_n
 *           params, params_n: what the caller expects, each name once: epoch, vocab (decimal), tokenizer_sha256,
 *                             scheme_id (64 lower-case hex digits)
 *  Out:     marker: to be ended by vdg_marker_free
 */
VDG_API int32_t vdg_marker_new(const vdg_profile* profile, const vdg_key* const* keys, size_t keys_n,
                               const vdg_param* params, size_t params_n, vdg_marker** marker, vdg_error* err);

VDG_API void vdg_marker_free(vdg_marker* marker);

/** One member of a marker as text: window (h), mask_bytes, epoch, kids (ids of the keys of its layers, the provider's
 *  first, separated by a comma).
 *
 *  Returns, arguments: as vdg_profile_get
 */
VDG_API int32_t vdg_marker_get(const vdg_marker* marker, const char* name, char* buf, size_t cap, size_t* need,
                               vdg_error* err);

/** Makes a marker with the same profile, provider and selector key, and another account key. Cheap: one derivation and three key set-ups.
 *
 *  Returns: VDG_OK, VDG_MISMATCH (another role, scheme or epoch), VDG_INVALID_ARGUMENT, VDG_INTERNAL, VDG_NO_MEMORY
 *  Args:    marker: stays as it is
 *  In:      account
 *  Out:     other: to be ended by vdg_marker_free
 */
VDG_API int32_t vdg_marker_account(const vdg_marker* marker, const vdg_key* account, vdg_marker** other,
                                   vdg_error* err);

/* ---- marking ---------------------------------------------------------------------------------------------------- */

/** Marks the row of the next position.
 *
 *  -inf entries are absent and stay. Ids that the profile lists as special, and ids from its vocab on, are never
 * marked. Unless price->state is VDG_STATE_MARKED the row keeps every bit. Storing ln Q as f16 or bf16 costs accuracy:
 * prefer f32.
 *
 *  Returns: VDG_OK;
 *           VDG_INVALID_ARGUMENT: an output id from 2^24 on ("output id 4294967295 at 17"), a candidate id twice, a
 *           stride below the type's size, count 0; in distribution mode also NaN, +inf, or no finite logit;
 *           VDG_NOT_SUPPORTED: bias with another scheme than green, or with specials preserve;
 *           VDG_NO_MEMORY. The row is then untouched.
 *  Args:    marker
 *  In:      output_ids: ids of this answer so far, oldest first, without the prompt
 *           n:          how many
 *           repeat:     VDG_REPEAT_...
 *  In/out:  row:        the struct is read, the logits it points to are marked
 *  Out:     price:      NULL allowed
 */
VDG_API int32_t vdg_mark(const vdg_marker* marker, const uint32_t* output_ids, size_t n, int32_t repeat,
                         const vdg_row* row, vdg_price* price, vdg_error* err);

/** The mask of the next position: bit `id & 7` of byte `id >> 3` is set where the id is favoured; special ids and the
 *  padding of the last byte are clear. All zero unless price->state is VDG_STATE_MARKED.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT (ids, mask_bytes), VDG_NOT_SUPPORTED (a scheme without masks), VDG_NO_MEMORY
 *  Args:    marker
 *  In:      output_ids, n, repeat: as in vdg_mark
 *           mask_bytes: (vocab + 7) / 8, what vdg_marker_get gives
 *  Out:     mask:  mask_bytes bytes
 *           price: without masses. NULL allowed
 */
VDG_API int32_t vdg_mask(const vdg_marker* marker, const uint32_t* output_ids, size_t n, int32_t repeat, uint8_t* mask,
                         size_t mask_bytes, vdg_price* price, vdg_error* err);

/** Marks many rows. A faulty row stays untouched and has its code in its price; the others are done.
 *
 *  Returns: the code of the first faulty row, VDG_OK where there is none; err->row names it. With err->row -1 the batch
 *           itself was refused (VDG_INVALID_ARGUMENT: a member, or markers of different scheme_id) and nothing is done.
 *  In/out:  batch:  the struct is read, the logits it points to are marked
 *  Out:     prices: batch->rows entries; the first one's size is that of all. NULL allowed
 */
VDG_API int32_t vdg_mark_batch(const vdg_batch* batch, vdg_price* prices, vdg_error* err);

/** Masks of many rows. Of the batch, size, threads, rows, markers, windows and states are read.
 *
 *  Returns: as vdg_mark_batch. The mask of a faulty row is untouched.
 *  In:      batch
 *           stride: bytes from one mask to the next, at least mask_bytes; 0: packed. Where no row has a marker the
 *                   width of a mask is not known: stride must then be given, and that many bytes are cleared
 *  Out:     masks:  batch->rows times stride bytes; zeros in rows that are not marked
 *           prices: as in vdg_mark_batch
 */
VDG_API int32_t vdg_mask_batch(const vdg_batch* batch, uint8_t* masks, size_t stride, vdg_price* prices,
                               vdg_error* err);

/* ---- scoring: an engine's check of itself. Whether a text is marked is the detector's to say, with a p-value. ---- */

/** Score of one tuple under the key of its layer.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT (an id from 2^24 on), VDG_NO_MEMORY
 *  Args:    marker
 *  In:      window: h ids, oldest first
 *           id
 *  Out:     score:  state VDG_STATE_MARKED or VDG_STATE_SPECIAL
 */
VDG_API int32_t vdg_score_token(const vdg_marker* marker, const uint32_t* window, uint32_t id, vdg_score* score,
                                vdg_error* err);

/** Scores one answer.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT (an id from 2^24 on, rule), VDG_LIMIT (above 2^31 ids), VDG_NO_MEMORY
 *  Args:    marker
 *  In:      ids, n: the answer, without the prompt
 *           rule:   VDG_RULE_...
 *  Out:     each:   n entries, the first one's size is that of all. NULL allowed
 *           totals: two entries, provider and account, the first one's size is that of both
 */
VDG_API int32_t vdg_score_sequence(const vdg_marker* marker, const uint32_t* ids, size_t n, int32_t rule,
                                   vdg_score* each, vdg_total* totals, vdg_error* err);

/* ---- histories: the windows of one answer, so that `repeated` costs O(1) an id, not O(n) a token. Optional. ------ */

/** Makes an empty history.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT, VDG_NO_MEMORY
 *  In:      h: ids in a window, 1 to VDG_MAX_WINDOW: the profile's window
 *  Out:     history: to be ended by vdg_history_free
 */
VDG_API int32_t vdg_history_new(size_t h, vdg_history** history, vdg_error* err);

VDG_API void vdg_history_free(vdg_history* history);

/** Makes a copy that goes its own way.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT, VDG_NO_MEMORY
 *  Args:    history
 *  Out:     copy: to be ended by vdg_history_free
 */
VDG_API int32_t vdg_history_clone(const vdg_history* history, vdg_history** copy, vdg_error* err);

/** Ids in the history.
 *
 *  Returns: how many; 0 for NULL.
 */
VDG_API size_t vdg_history_length(const vdg_history* history);

/** Appends ids. At most 32 bytes of memory an id.
 *
 *  Returns: VDG_OK;
 *           VDG_INVALID_ARGUMENT (an id from 2^24 on), VDG_LIMIT (above 2^31 ids), VDG_NO_MEMORY: the history is then
 *           as it was
 *  Args:    history
 *  In:      ids, n
 */
VDG_API int32_t vdg_history_push(vdg_history* history, const uint32_t* ids, size_t n, vdg_error* err);

/** Goes back to the first n ids; 0 empties the history.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT where n is above the length
 *  Args:    history
 *  In:      n
 */
VDG_API int32_t vdg_history_truncate(vdg_history* history, size_t n, vdg_error* err);

/** Windows and states of the next position and of those after each draft id, as a batch takes them. The history is the
 *  same afterwards.
 *
 *  Returns: VDG_OK, VDG_INVALID_ARGUMENT (an id from 2^24 on), VDG_LIMIT, VDG_NO_MEMORY
 *  Args:    history
 *  In:      draft, n: ids that may follow
 *  Out:     windows:  (n + 1) * h ids; zeros where the state is VDG_WINDOW_SHORT
 *           states:   n + 1 of VDG_WINDOW_...
 */
VDG_API int32_t vdg_history_peek(vdg_history* history, const uint32_t* draft, size_t n, uint32_t* windows,
                                 uint8_t* states, vdg_error* err);

/** The history as bytes: "VDGH" 0x01 u8(h) u32be(n), then n ids as u32be. It is the user's text: protect it as such.
 *
 *  Returns: VDG_OK, VDG_LIMIT where cap is below need, VDG_INVALID_ARGUMENT
 *  Args:    history
 *  In:      cap:  bytes at buf
 *  Out:     buf:  NULL allowed where cap is 0
 *           need: bytes that it takes, 10 + 4 n; set also with VDG_LIMIT. NULL allowed
 */
VDG_API int32_t vdg_history_write(const vdg_history* history, void* buf, size_t cap, size_t* need, vdg_error* err);

/** Reads what vdg_history_write gave, from anywhere: every byte is checked.
 *
 *  Returns: VDG_OK, VDG_MALFORMED, VDG_UNSUPPORTED (another version), VDG_LIMIT (above 2^31 ids), VDG_INVALID_ARGUMENT,
 *           VDG_NO_MEMORY
 *  In:      data, n
 *  Out:     history: to be ended by vdg_history_free
 */
VDG_API int32_t vdg_history_read(const void* data, size_t n, vdg_history** history, vdg_error* err);

#ifdef __cplusplus
}
#endif

#endif /* VERDIGRIS_H */
