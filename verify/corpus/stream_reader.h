// What the formats that are streams of bytes share: which segments are read, where the input ends, what breaks it (corpus.md C3).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "verify/corpus/inflate.h"
#include "verify/corpus/reader.h"

namespace verdigris::verify {

// In which segment a place is that counts `bytes_each`. Places in bytes are below 2^63, as files are.
uint64_t SegmentOfPlace(uint64_t place, const ReadOptions& options, uint64_t bytes_each = 1);

class StreamReader : public Reader {
 public:
  // `window` begins at or before the first record of `first`. `bytes_each`: what a place counts, such as the bytes of a token.
  StreamReader(ByteWindow window, const ReadOptions& options, uint64_t first, uint64_t end, uint64_t bytes_each = 1);

  // The least place in `segment`.
  static uint64_t PlaceOf(uint64_t segment, const ReadOptions& options, uint64_t bytes_each = 1);

  Result<bool> Next(Record& record) final;
  std::optional<uint64_t> last_segment() const final { return last_segment_; }
  std::string_view broken() const final { return broken_; }
  uint64_t bytes_read() const final { return window_.bytes_read(); }

 protected:
  enum class Step {
    kRecord,  // one was taken
    kNone,    // nothing to give stood here; go on
    kCut,     // the input ends, or is broken, inside of the record
  };
  // Drops what stands between records; stops early where place() reaches end_place(). False where the input ends.
  virtual Result<bool> Skip() = 0;
  // Takes the record at the window's start, whose segment and offset are set. `wanted`: it is in a segment that is read;
  // otherwise it need only be passed over. May set broken_by_.
  virtual Result<Step> Take(Record& record, bool wanted) = 0;
  // In what the format counts; the default is the window's offset.
  virtual uint64_t place() const { return window_.offset(); }

  uint64_t end_place() const { return end_place_; }
  static Step Failed(Record& record, std::string_view code) {
    record.kind = RecordKind::kFailed;
    record.failure = code;
    return Step::kRecord;
  }

  ByteWindow window_;
  const ReadOptions options_;
  // A fault of the format itself; that of the stream comes before it.
  std::string_view broken_by_;

 private:
  uint64_t SegmentOf(uint64_t place) const;
  // The input ended, or broke, with the record that began at `place` unfinished, if `inside`.
  void Finish(uint64_t place, bool inside);

  const uint64_t first_, end_, bytes_each_, end_place_;
  std::optional<uint64_t> last_segment_;
  std::string_view broken_;
  bool done_ = false;
};

// The formats. Each opens its own window; errors as OpenReader.
Result<std::unique_ptr<Reader>> OpenTextReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);
Result<std::unique_ptr<Reader>> OpenLineReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);
Result<std::unique_ptr<Reader>> OpenCsvReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);
Result<std::unique_ptr<Reader>> OpenWarcReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end);

// The stream of `input` from byte `from` on.
Result<ByteWindow> OpenWindow(const Input& input, const ReadOptions& options, uint64_t from = 0);

// A reader that finds nothing: the head of the input is wrong, so its segment 0 is broken.
std::unique_ptr<Reader> BrokenReader(std::string_view code, uint64_t bytes_read);

}  // namespace verdigris::verify
