// The producer's side of the C data interface: what is handed out owns its memory, and children may be moved away from their parent.
//
// Tested by tests/python/arrow_test.py.
#include "tools/python/native/arrow_findings.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace verdigris::python {
namespace {

struct Column {
  const char* name;
  const char* format;
};
constexpr std::array<Column, 6> kColumns{{{"verdict", "u"}, {"log10_p", "g"}, {"log10_p_anytime", "g"}, {"tokens", "l"}, {"scored", "l"}, {"repeats", "l"}}};
constexpr int64_t kNullable = 2;
constexpr int64_t kMostRows = int64_t{1} << 27;  // of a batch: their verdicts have places of 32 bits

// ---- what is handed out

template <class T>
struct Family {
  std::array<T, kColumns.size()> children{};
  std::array<T*, kColumns.size()> pointers{};
};

template <class T>
void ReleaseFamily(T* parent) {
  auto* family = static_cast<Family<T>*>(parent->private_data);
  for (T* child : family->pointers) {
    if (child->release != nullptr) child->release(child);
  }
  delete family;
  parent->release = nullptr;
}

void FillSchema(ArrowSchema* out) {
  auto family = std::make_unique<Family<ArrowSchema>>();
  for (size_t i = 0; i < kColumns.size(); ++i) {
    ArrowSchema& child = family->children[i];
    child.format = kColumns[i].format;
    child.name = kColumns[i].name;
    child.flags = kNullable;
    child.release = [](ArrowSchema* self) { self->release = nullptr; };
    family->pointers[i] = &child;
  }
  *out = {};
  out->format = "+s";
  out->name = "";
  out->n_children = kColumns.size();
  out->children = family->pointers.data();
  out->release = &ReleaseFamily<ArrowSchema>;
  out->private_data = family.release();
}

// The rows of one batch.
struct Rows {
  std::vector<uint8_t> validity;
  std::vector<int32_t> verdict_ends{0};
  std::string verdicts;
  std::array<std::vector<double>, 2> numbers;
  std::array<std::vector<int64_t>, 3> counts;
  int64_t rows = 0, nulls = 0;

  void Add(const verify::Finding* finding) {
    if (rows % 8 == 0) validity.push_back(0);
    if (finding != nullptr) {
      validity.back() = static_cast<uint8_t>(validity.back() | 1 << (rows % 8));
      verdicts += verify::VerdictName(finding->verdict);
    }
    const verify::Counts counted = finding != nullptr ? finding->counts : verify::Counts{};
    verdict_ends.push_back(static_cast<int32_t>(verdicts.size()));
    numbers[0].push_back(finding != nullptr ? finding->log10_p : 0);
    numbers[1].push_back(finding != nullptr ? finding->log10_p_anytime : 0);
    const uint64_t of_counts[] = {counted.tokens, counted.scored, counted.repeated + counted.duplicate};
    for (size_t i = 0; i < counts.size(); ++i) counts[i].push_back(static_cast<int64_t>(of_counts[i]));
    nulls += finding == nullptr;
    ++rows;
  }
};

// A column keeps the rows, since its parent may go first.
struct HeldColumn {
  std::shared_ptr<const Rows> rows;
  std::array<const void*, 3> buffers{};
};

void FillArray(std::shared_ptr<const Rows> rows, ArrowArray* out) {
  static constexpr const void* kNoValidity[1] = {nullptr};
  auto family = std::make_unique<Family<ArrowArray>>();
  std::array<std::unique_ptr<HeldColumn>, kColumns.size()> held;
  for (auto& column : held) column = std::make_unique<HeldColumn>();
  for (size_t i = 0; i < kColumns.size(); ++i) {
    HeldColumn& column = *held[i];
    column.rows = rows;
    column.buffers[0] = rows->validity.data();
    if (i == 0) {
      column.buffers[1] = rows->verdict_ends.data();
      column.buffers[2] = rows->verdicts.data();
    } else {
      column.buffers[1] = i <= 2 ? static_cast<const void*>(rows->numbers[i - 1].data()) : rows->counts[i - 3].data();
    }
    ArrowArray& child = family->children[i];
    child.length = rows->rows;
    child.null_count = rows->nulls;
    child.n_buffers = i == 0 ? 3 : 2;
    child.buffers = column.buffers.data();
    child.release = [](ArrowArray* self) {
      delete static_cast<HeldColumn*>(self->private_data);
      self->release = nullptr;
    };
    child.private_data = held[i].release();
    family->pointers[i] = &child;
  }
  *out = {};
  out->length = rows->rows;
  out->n_buffers = 1;
  out->buffers = const_cast<const void**>(kNoValidity);
  out->n_children = kColumns.size();
  out->children = family->pointers.data();
  out->release = &ReleaseFamily<ArrowArray>;
  out->private_data = family.release();
}

// ---- the stream

struct Stream {
  ArrowSource source;
  std::string column;
  JudgeDocument judge;
  std::string error;
  bool failed = false;

  Result<void> Next(ArrowArray* out) {
    Owned<ArrowArray> from_stream;
    const ArrowArray* batch = nullptr;
    if (source.stream) {
      ArrowArrayStream& stream = **source.stream;
      if (stream.get_next(&stream, &*from_stream) != 0) {
        const char* said = stream.get_last_error(&stream);
        return Fail(ErrorKind::kIo, std::string("an Arrow stream ended early: ") + (said != nullptr ? said : ""));
      }
      if (from_stream->release != nullptr) batch = &*from_stream;
    } else if (source.batch) {
      batch = &**source.batch;
    }
    *out = {};
    if (batch == nullptr) return {};  // the end
    auto rows = std::make_shared<Rows>();
    if (batch->length > kMostRows) return Fail(ErrorKind::kLimit, "a batch must have at most 2^27 rows, got " + std::to_string(batch->length));
    VERDIGRIS_RETURN_IF_ERROR(ForEachDocument(*source.schema, *batch, column, [&](const ArrowDocument& document) -> Result<void> {
      if (std::holds_alternative<std::monostate>(document)) {
        rows->Add(nullptr);
        return {};
      }
      auto finding = judge(document);
      if (!finding) return Fail(finding.error().kind, "row " + std::to_string(rows->rows) + " of a batch: " + finding.error().message);
      rows->Add(&*finding);
      return {};
    }));
    source.batch.reset();
    FillArray(std::move(rows), out);
    return {};
  }
};

Stream& Of(ArrowArrayStream* stream) { return *static_cast<Stream*>(stream->private_data); }

int GetNext(ArrowArrayStream* self, ArrowArray* out) noexcept {
  Stream& stream = Of(self);
  if (stream.failed) return EIO;
  try {
    const Result<void> done = stream.Next(out);
    if (done) return 0;
    stream.error = done.error().message;
    stream.failed = true;
    return done.error().kind == ErrorKind::kIo ? EIO : EINVAL;
  } catch (const std::exception&) {
    stream.failed = true;
    return ENOMEM;
  }
}

int GetSchema(ArrowArrayStream*, ArrowSchema* out) noexcept {
  try {
    FillSchema(out);
    return 0;
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

}  // namespace

ArrowArrayStream FindingStream(ArrowSource source, std::string column, JudgeDocument judge) {
  ArrowArrayStream out{};
  out.get_schema = &GetSchema;
  out.get_next = &GetNext;
  out.get_last_error = [](ArrowArrayStream* self) -> const char* { return Of(self).error.empty() ? nullptr : Of(self).error.c_str(); };
  out.release = [](ArrowArrayStream* self) {
    delete &Of(self);
    self->release = nullptr;
  };
  out.private_data = new Stream{std::move(source), std::move(column), std::move(judge), {}, false};
  return out;
}

}  // namespace verdigris::python
