// WARC (ISO 28500), and WET, which is WARC of extracted text: a record is a head of lines, a block of stated length, and an empty
// line. Documents are blocks of `conversion` records, and of `resource` and `response` records of text/plain; of a response over
// HTTP that is what follows the head of HTTP, where nothing encodes it.
//
// Archives are compressed a member of gzip a record, so that after a record which is not sound the next can be found: where the
// next member begins. A stated length that reaches over the next member's beginning, with a WARC record there, is not sound either.
// Tested by tests/verify/corpus/formats_test.cc, tests/fuzz/fuzz_corpus_warc.cc.
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "verify/corpus/stream_reader.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMaxHead = size_t{64} << 10;
constexpr std::string_view kMagic = "WARC/";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool EqualNoCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

// The bytes of a head up to and with the empty line that ends it; 0: it does not end here.
size_t HeadLength(std::string_view text) {
  for (size_t feed = text.find('\n'); feed != std::string_view::npos; feed = text.find('\n', feed + 1)) {
    if (text.substr(feed + 1, 1) == "\n") return feed + 2;
    if (text.substr(feed + 1, 2) == "\r\n") return feed + 3;
  }
  return 0;
}

// Calls `meet(name, value)` for the fields of a head; its first line is none. Lines that continue a value are passed over.
template <class Meet>
void ForEachField(std::string_view head, Meet meet) {
  for (size_t at = head.find('\n') + 1; at < head.size();) {
    const size_t end = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && line[0] != ' ' && line[0] != '\t') meet(Trimmed(line.substr(0, colon)), Trimmed(line.substr(colon + 1)));
    at = end + 1;
  }
}

bool IsPlainText(std::string_view content_type) { return EqualNoCase(Trimmed(content_type.substr(0, content_type.find(';'))), "text/plain"); }
bool IsHttp(std::string_view content_type) { return EqualNoCase(Trimmed(content_type.substr(0, content_type.find(';'))), "application/http"); }

// Where the body begins in the block of an HTTP response of text/plain that nothing encodes; 0 where it is something else.
size_t HttpBody(std::string_view block) {
  const size_t length = HeadLength(block);
  if (length == 0 || !block.starts_with("HTTP/")) return 0;
  bool plain = false, encoded = false;
  ForEachField(block.substr(0, length), [&](std::string_view name, std::string_view value) {
    if (EqualNoCase(name, "Content-Type")) plain = IsPlainText(value);
    const bool encoding = EqualNoCase(name, "Content-Encoding") || EqualNoCase(name, "Transfer-Encoding");
    encoded = encoded || (encoding && !EqualNoCase(value, "identity"));
  });
  return plain && !encoded ? length : 0;
}

class WarcReader : public StreamReader {
 public:
  using StreamReader::StreamReader;

 private:
  struct Head {
    std::string_view type, content_type, uri, id;
    uint64_t length = 0;
    size_t bytes = 0;
  };

  Result<bool> Skip() override {
    window_.Drop(std::exchange(left_, 0));
    for (;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.Has(1));
      if (!more) return false;
      const std::string_view view = window_.view();
      const size_t ends = std::min(view.find_first_not_of("\r\n"), view.size());
      window_.Drop(ends);
      if (ends < view.size() || window_.offset() >= end_place()) return window_.Has(1);
    }
  }

  Result<Step> Take(Record& record, bool wanted) override {
    const uint64_t begin = window_.offset();
    const bool begins_member = !window_.members().empty() && window_.members().front() == begin;
    VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<Head> found, ReadHead());
    if (!found) return Unsound(record, begin);
    // Numbers alone: the window may move, and views of the head with it.
    const size_t head_bytes = found->bytes;
    const uint64_t length = found->length, block_end = begin + head_bytes + length;
    if (block_end < length) return Unsound(record, begin);  // beyond any file
    const bool payload = EqualNoCase(found->type, "response") || EqualNoCase(found->type, "resource");
    const bool http = payload && IsHttp(found->content_type);
    bool text = EqualNoCase(found->type, "conversion") || (payload && IsPlainText(found->content_type));
    if (http && wanted) {
      const size_t looked_at = head_bytes + static_cast<size_t>(std::min<uint64_t>(length, kMaxHead));
      VERDIGRIS_ASSIGN_OR_RETURN(const bool whole, window_.Has(looked_at));
      text = whole && HttpBody(window_.view().substr(head_bytes, looked_at - head_bytes)) > 0;
    }
    const bool keep = wanted && text && length <= options_.max_record_bytes;

    // The block, kept or passed over, with an eye on where members begin.
    for (uint64_t looked = begin + 1;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<uint64_t> other, RecordInside(looked, begins_member ? block_end : 0));
      if (other) {
        window_.Drop(static_cast<size_t>(*other - window_.offset()));
        return Failed(record, "warc");
      }
      const size_t size = window_.view().size();
      if (window_.offset() + size >= block_end) break;
      if (!keep) window_.Drop(size);
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (more) continue;
      broken_by_ = "warc";  // the length is beyond the file
      return Step::kCut;
    }
    left_ = static_cast<size_t>(block_end - window_.offset());
    if (!wanted) return Step::kNone;
    if (!keep) {
      record.kind = RecordKind::kNotText;
      return text ? Failed(record, "too_long") : Step::kRecord;
    }
    const Head head = *ParseHead(window_.view().substr(0, head_bytes));
    record.name = head.id;
    record.group = head.uri;
    record.text = window_.view().substr(head_bytes, static_cast<size_t>(length));
    if (http) record.text.remove_prefix(HttpBody(record.text.substr(0, kMaxHead)));
    return Step::kRecord;
  }

  // Where a member of gzip begins with another record, in [looked, to) and as far as the window goes; `looked` moves behind it.
  Result<std::optional<uint64_t>> RecordInside(uint64_t& looked, uint64_t to) {
    for (;;) {
      const auto member = std::lower_bound(window_.members().begin(), window_.members().end(), looked);
      if (member == window_.members().end() || *member >= to) return std::optional<uint64_t>();
      const uint64_t at = *member;
      looked = at + 1;
      const size_t before = static_cast<size_t>(at - window_.offset());
      VERDIGRIS_ASSIGN_OR_RETURN(const bool whole, window_.Has(before + kMagic.size()));
      if (whole && window_.view().substr(before).starts_with(kMagic)) return std::optional<uint64_t>(at);
    }
  }

  Result<std::optional<Head>> ReadHead() {
    for (;;) {
      const std::string_view view = window_.view().substr(0, kMaxHead);
      if (!kMagic.starts_with(view.substr(0, kMagic.size()))) return std::optional<Head>();
      if (const size_t length = HeadLength(view); length > 0) return ParseHead(view.substr(0, length));
      if (view.size() == kMaxHead) return std::optional<Head>();
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (!more) return std::optional<Head>();
    }
  }

  // Nothing where the length of the block is missing, stated twice or no number, or the type is missing.
  static std::optional<Head> ParseHead(std::string_view text) {
    Head head;
    head.bytes = text.size();
    int lengths = 0;
    ForEachField(text, [&](std::string_view name, std::string_view value) {
      if (EqualNoCase(name, "WARC-Type")) head.type = value;
      if (EqualNoCase(name, "Content-Type")) head.content_type = value;
      if (EqualNoCase(name, "WARC-Target-URI")) head.uri = value;
      if (EqualNoCase(name, "WARC-Record-ID")) head.id = value;
      if (!EqualNoCase(name, "Content-Length")) return;
      const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), head.length);
      lengths += error == std::errc() && rest == value.data() + value.size() ? 1 : 2;
    });
    if (lengths != 1 || head.type.empty()) return std::nullopt;
    return head;
  }

  // A record without a sound head: the next one is looked for where the next member begins.
  Result<Step> Unsound(Record& record, uint64_t begin) {
    for (;;) {
      for (const uint64_t member : window_.members()) {
        if (member <= begin) continue;
        window_.Drop(static_cast<size_t>(member - window_.offset()));
        return Failed(record, "warc");
      }
      window_.Drop(window_.view().size());
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, window_.More());
      if (more) continue;
      broken_by_ = "warc";
      return Step::kCut;
    }
  }

  size_t left_ = 0;  // in the window, of the record that was taken last
};

}  // namespace

Result<std::unique_ptr<Reader>> OpenWarcReader(const Input& input, const ReadOptions& options, uint64_t first, uint64_t end) {
  VERDIGRIS_ASSIGN_OR_RETURN(ByteWindow window, OpenWindow(input, options));
  return std::unique_ptr<Reader>(std::make_unique<WarcReader>(std::move(window), options, first, end));
}

}  // namespace verdigris::verify
