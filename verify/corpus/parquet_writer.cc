// Values go into a buffered row group one by one; Arrow turns them into pages, and the sink gets a group when it is full.
// Tested by tests/interop/parquet_outputs.py.
#include "verify/corpus/parquet_writer.h"

#include <arrow/io/interfaces.h>
#include <parquet/column_writer.h>
#include <parquet/file_writer.h>
#include <parquet/schema.h>

#include <string>
#include <utility>

#include "verify/corpus/finding_columns.h"
#include "verify/corpus/parquet_module.h"

namespace verdigris::verify {
namespace {

constexpr int64_t kRowsOfGroup = 131072;  // C13

class SinkStream : public arrow::io::OutputStream {
 public:
  explicit SinkStream(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}
  arrow::Status Write(const void* data, int64_t size) override {
    sink_({static_cast<const char*>(data), static_cast<size_t>(size)});
    written_ += size;
    return arrow::Status::OK();
  }
  using arrow::io::OutputStream::Write;
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return written_; }
  bool closed() const override { return closed_; }

 private:
  std::function<void(std::string_view)> sink_;
  int64_t written_ = 0;
  bool closed_ = false;
};

parquet::schema::NodePtr NodeOf(const TableColumn& column) {
  using parquet::LogicalType;
  using parquet::Type;
  const auto make = [&](parquet::Repetition::type repetition, const std::shared_ptr<const LogicalType>& logical, Type::type physical) {
    return parquet::schema::PrimitiveNode::Make(std::string(column.name), repetition, logical, physical);
  };
  switch (column.kind) {
    case CellKind::kInteger:
      return make(parquet::Repetition::REQUIRED, LogicalType::Int(64, true), Type::INT64);
    case CellKind::kReal:
      return make(parquet::Repetition::OPTIONAL, LogicalType::None(), Type::DOUBLE);
    case CellKind::kFlag:
      return make(parquet::Repetition::REQUIRED, LogicalType::None(), Type::BOOLEAN);
    case CellKind::kInput:
    case CellKind::kWord:
      break;
  }
  return make(parquet::Repetition::REQUIRED, LogicalType::String(), Type::BYTE_ARRAY);
}

class ParquetWriter : public FindingWriter {
 public:
  // May throw.
  explicit ParquetWriter(std::function<void(std::string_view)> sink) {
    parquet::schema::NodeVector nodes;
    for (const TableColumn& column : FindingColumns()) nodes.push_back(NodeOf(column));
    const auto schema = std::static_pointer_cast<parquet::schema::GroupNode>(
        parquet::schema::GroupNode::Make("findings", parquet::Repetition::REQUIRED, std::move(nodes)));
    const auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::ZSTD)->created_by("verdigris " VERDIGRIS_VERSION)->build();
    file_ = parquet::ParquetFileWriter::Open(std::make_shared<SinkStream>(std::move(sink)), schema, properties);
  }

  Result<void> Add(const DocumentResult& row) override {
    std::string_view too_large;
    const bool written = Guard([&] {
      if (group_ == nullptr || rows_ == kRowsOfGroup) {
        group_ = file_->AppendBufferedRowGroup();  // and ends the one before
        rows_ = 0;
      }
      int index = 0;
      for (const TableColumn& column : FindingColumns()) {
        const TableCellValue value = column.value(row);
        const auto* integer = std::get_if<uint64_t>(&value);
        if (integer != nullptr && *integer > INT64_MAX) too_large = column.name;
        Put(*group_->column(index++), value);
      }
      ++rows_;
      return true;
    });
    if (!too_large.empty()) return Fail(ErrorKind::kLimit, std::string(too_large) + " must be below 2^63 to be written as Parquet");
    return written ? Result<void>() : Failed();
  }

  Result<void> Finish() override {
    const bool written = Guard([&] {
      file_->Close();
      return true;
    });
    return written ? Result<void>() : Failed();
  }

 private:
  static Unexpected Failed() { return Fail(ErrorKind::kIo, "Arrow could not write Parquet"); }

  static void Put(parquet::ColumnWriter& column, const TableCellValue& value) {
    const int16_t there = 1, none = 0;
    if (const auto* text = std::get_if<std::string>(&value)) {
      const parquet::ByteArray bytes{static_cast<uint32_t>(text->size()), reinterpret_cast<const uint8_t*>(text->data())};
      static_cast<parquet::ByteArrayWriter&>(column).WriteBatch(1, nullptr, nullptr, &bytes);
    } else if (const auto* integer = std::get_if<uint64_t>(&value)) {
      const auto number = static_cast<int64_t>(*integer);
      static_cast<parquet::Int64Writer&>(column).WriteBatch(1, nullptr, nullptr, &number);
    } else if (const auto* real = std::get_if<double>(&value)) {
      static_cast<parquet::DoubleWriter&>(column).WriteBatch(1, &there, nullptr, real);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      static_cast<parquet::BoolWriter&>(column).WriteBatch(1, nullptr, nullptr, flag);
    } else {
      static_cast<parquet::DoubleWriter&>(column).WriteBatch(1, &none, nullptr, nullptr);  // the kind that may be empty
    }
  }

  std::unique_ptr<parquet::ParquetFileWriter> file_;
  parquet::RowGroupWriter* group_ = nullptr;  // of file_
  int64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<FindingWriter>> OpenWriterOfModule(std::function<void(std::string_view)> sink) {
  std::unique_ptr<FindingWriter> writer;
  Guard([&] {
    writer = std::make_unique<ParquetWriter>(std::move(sink));
    return true;
  });
  if (writer == nullptr) return Fail(ErrorKind::kIo, "Arrow cannot write Parquet");
  return writer;
}

}  // namespace verdigris::verify
