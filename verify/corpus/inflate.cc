// Inflating as a stream: gzip by ISA-L, zstd by libzstd, each into the buffer of the caller.
//
// A unit is done again elsewhere and must come out the same (corpus.md C6), so nothing here may depend on how the system hands
// out bytes: input is taken in full pieces of one size, output in full blocks, and limits are compared at the ends of blocks.
// Tested by tests/verify/corpus/inflate_test.cc.
#include "verify/corpus/inflate.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "verify/file.h"

namespace verdigris::verify {
namespace {

// C15: what inflates further than this is taken for an attack, but not before so much came out.
constexpr uint64_t kBombRatio = 1000;
constexpr uint64_t kBombFrom = uint64_t{64} << 20;
constexpr int kWindowLog = 27, kLongWindowLog = 31;

bool StartsWith(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

// pzstd writes a skippable frame first, 0x184D2A50 to 5F.
bool BeginsZstd(std::string_view head) {
  return StartsWith(head, "\x28\xB5\x2F\xFD") || (head.size() >= 4 && (head[0] & 0xF0) == 0x50 && head.substr(1, 3) == "\x2A\x4D\x18");
}

struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Compression CompressionOf(std::string_view head) {
  if (StartsWith(head, "\x1F\x8B")) return Compression::kGzip;
  return BeginsZstd(head) ? Compression::kZstd : Compression::kNone;
}

struct InflatedStream::State {
  explicit State(InputFile opened) : file(std::move(opened)) {}

  InputFile file;
  InflateLimits limits;
  Compression compression = Compression::kNone;
  // One piece of the file as it lies; not filled beforehand, since most of it stays untouched in small files.
  std::unique_ptr<char[]> input = std::make_unique_for_overwrite<char[]>(kBlockBytes);
  size_t at = 0, size = 0;      // of the piece, what is not used yet
  bool input_ended = false;
  uint64_t read = 0, inflated = 0;
  std::string_view fault;
  bool ended = false;
  std::unique_ptr<inflate_state> gzip;
  bool in_member = false, begins_member = false, had_member = false;
  bool padding = false;  // zeros were seen behind a member
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;
  bool in_frame = false;

  Result<void> Refill() {
    VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, file.Read(input.get(), kBlockBytes));
    at = 0;
    size = got;
    read += got;
    input_ended = got < kBlockBytes;
    return {};
  }

  // What was sniffed first, then the file.
  Result<size_t> ReadPlain(char* to) {
    const size_t sniffed = std::min(size - at, kBlockBytes);
    std::memcpy(to, input.get() + at, sniffed);
    at += sniffed;
    if (input_ended || sniffed == kBlockBytes) return sniffed;
    VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, file.Read(to + sniffed, kBlockBytes - sniffed));
    read += got;
    return sniffed + got;
  }

  Result<size_t> ReadGzip(char* to) {
    begins_member = false;
    inflate_state& s = *gzip;
    s.next_out = reinterpret_cast<uint8_t*>(to);
    s.avail_out = kBlockBytes;
    for (;;) {
      if (at == size && !input_ended) VERDIGRIS_RETURN_IF_ERROR(Refill());
      if (!in_member && !BeginMember()) {
        if (at == size && !input_ended) continue;
        break;
      }
      s.next_in = reinterpret_cast<uint8_t*>(input.get()) + at;
      s.avail_in = static_cast<uint32_t>(size - at);
      const uint32_t room = s.avail_out;
      const int code = isal_inflate(&s);
      const size_t used = size - at - s.avail_in;
      at += used;
      if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT) {
        fault = "corrupt";
        break;
      }
      if (s.block_state == ISAL_BLOCK_FINISH) {
        in_member = false;
        if (s.avail_out < kBlockBytes) break;
        continue;
      }
      if (s.avail_out == 0) break;
      if (used == 0 && s.avail_out == room && at == size && input_ended) {
        fault = "corrupt";
        break;
      }
    }
    return kBlockBytes - s.avail_out;
  }

  // False where no member begins here: the end, or none to see yet. Zeros may fill up the end of a file, as tapes do it.
  bool BeginMember() {
    if (had_member) {
      while (at < size && input[at] == 0) {
        ++at;
        padding = true;
      }
    }
    if (at == size) return false;
    if (padding) {
      fault = "corrupt";
      return false;
    }
    isal_inflate_reset(gzip.get());
    gzip->crc_flag = ISAL_GZIP;
    in_member = begins_member = had_member = true;
    return true;
  }

  Result<size_t> ReadZstd(char* to) {
    ZSTD_outBuffer out{to, kBlockBytes, 0};
    for (;;) {
      if (at == size && !input_ended) VERDIGRIS_RETURN_IF_ERROR(Refill());
      if (at == size && !in_frame) break;
      ZSTD_inBuffer in{input.get(), size, at};
      const size_t before = out.pos;
      const size_t left = ZSTD_decompressStream(zstd.get(), &out, &in);
      const bool moved = in.pos != at || out.pos != before;
      at = in.pos;
      if (ZSTD_isError(left)) {
        if (ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation) return Fail(ErrorKind::kNoMemory, "no memory for a window of zstd");
        fault = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge ? "window" : "corrupt";
        break;
      }
      in_frame = left != 0;
      if (out.pos == out.size) break;
      if (!moved && at == size && input_ended && in_frame) {
        fault = "corrupt";
        break;
      }
    }
    return out.pos;
  }
};

InflatedStream::InflatedStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
InflatedStream::InflatedStream(InflatedStream&&) noexcept = default;
InflatedStream& InflatedStream::operator=(InflatedStream&&) noexcept = default;
InflatedStream::~InflatedStream() = default;

Result<InflatedStream> InflatedStream::Open(const Input& input, const InflateLimits& limits, uint64_t from) {
  VERDIGRIS_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(input.path));
  auto state = std::make_unique<State>(std::move(file));
  state->limits = limits;
  if (from > 0) VERDIGRIS_RETURN_IF_ERROR(state->file.Seek(from));
  VERDIGRIS_RETURN_IF_ERROR(state->Refill());
  if (from == 0) state->compression = CompressionOf({state->input.get(), state->size});
  if (state->compression == Compression::kGzip) {
    state->gzip = std::make_unique<inflate_state>();
    isal_inflate_init(state->gzip.get());
  } else if (state->compression == Compression::kZstd) {
    state->zstd.reset(ZSTD_createDCtx());
    if (state->zstd == nullptr) return Fail(ErrorKind::kNoMemory, "no memory for zstd");
    const int window = limits.zstd_long ? kLongWindowLog : kWindowLog;
    ZSTD_DCtx_setParameter(state->zstd.get(), ZSTD_d_windowLogMax, window);
  }
  return InflatedStream(std::move(state));
}

Result<size_t> InflatedStream::Read(char* to) {
  State& s = *state_;
  if (s.ended || !s.fault.empty()) return size_t{0};
  size_t got = 0;
  switch (s.compression) {
    case Compression::kNone: {
      VERDIGRIS_ASSIGN_OR_RETURN(got, s.ReadPlain(to));
      break;
    }
    case Compression::kGzip: {
      VERDIGRIS_ASSIGN_OR_RETURN(got, s.ReadGzip(to));
      break;
    }
    case Compression::kZstd: {
      VERDIGRIS_ASSIGN_OR_RETURN(got, s.ReadZstd(to));
      break;
    }
  }
  s.ended = got == 0;
  if (s.compression != Compression::kNone) {
    const uint64_t total = s.inflated + got, used = s.read - (s.size - s.at);
    if (total > s.limits.max_inflated) {
      s.fault = "bomb";
      got = s.limits.max_inflated - s.inflated;
    } else if (total > kBombFrom && total / kBombRatio > used) {
      s.fault = "bomb";
      got = 0;
    }
  }
  s.inflated += got;
  return got;
}

bool InflatedStream::begins_member() const { return state_->begins_member; }
std::string_view InflatedStream::fault() const { return state_->fault; }
uint64_t InflatedStream::bytes_read() const { return state_->read; }

Result<bool> ByteWindow::More() {
  constexpr size_t kBlock = InflatedStream::kBlockBytes;
  if (capacity_ - end_ < kBlock) {
    const size_t used = end_ - begin_;
    // Moving costs as much as a block where less than a block is kept; a longer record makes the window double.
    if (capacity_ < used + 2 * kBlock) {
      const size_t capacity = std::max(2 * capacity_, used + 2 * kBlock);
      auto larger = std::make_unique_for_overwrite<char[]>(capacity);
      if (used > 0) std::memcpy(larger.get(), buffer_.get() + begin_, used);
      buffer_ = std::move(larger);
      capacity_ = capacity;
    } else {
      std::memmove(buffer_.get(), buffer_.get() + begin_, used);
    }
    begin_ = 0;
    end_ = used;
  }
  VERDIGRIS_ASSIGN_OR_RETURN(const size_t got, stream_.Read(buffer_.get() + end_));
  if (got > 0 && stream_.begins_member()) members_.push_back(offset_ + (end_ - begin_));
  end_ += got;
  return got > 0;
}

Result<bool> ByteWindow::Has(size_t size) {
  while (end_ - begin_ < size) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, More());
    if (!more) return false;
  }
  return true;
}

void ByteWindow::Drop(size_t size) {
  begin_ += size;
  offset_ += size;
  while (!members_.empty() && members_.front() < offset_) members_.pop_front();
}

}  // namespace verdigris::verify
