// Tested by tests/verify/corpus/arrays_test.cc.
#include "verify/corpus/token_array.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "watermark/context.h"  // kIdLimit

namespace verdigris::verify {
namespace {

constexpr size_t kMaxNpyHead = size_t{64} << 10;
constexpr uint64_t kMaxTokens = uint64_t{1} << 59;  // places in bytes stay below 2^63

// Calls `visit` with a value of the type that the layout names. Precondition: one is named.
template <class Visit>
auto WithType(TokenType type, Visit visit) {
  switch (type) {
    case TokenType::kU8: return visit(uint8_t{});
    case TokenType::kI8: return visit(int8_t{});
    case TokenType::kI16: return visit(int16_t{});
    case TokenType::kU32: return visit(uint32_t{});
    case TokenType::kI32: return visit(int32_t{});
    case TokenType::kI64: return visit(int64_t{});
    default: return visit(uint16_t{});
  }
}

template <class T>
T Swapped(T value) {
  unsigned char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  std::reverse(bytes, bytes + sizeof(T));
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

bool IsForeign(TokenLayout layout) { return layout.big_endian != (std::endian::native == std::endian::big); }

template <class T>
T Load(const char* at, size_t i) {
  T value;
  std::memcpy(&value, at + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
T LittleEndian(const char* at) {
  const T value = Load<T>(at, 0);
  return std::endian::native == std::endian::big ? Swapped(value) : value;
}

// Reads the literal of a Python dictionary that numpy writes: names in quotes, and values up to the comma behind them.
class NpyDictionary {
 public:
  explicit NpyDictionary(std::string_view text) : text_(text) {}

  // False where it is none, or has other members than the three.
  bool Read(std::string_view& descr, std::string_view& order, std::string_view& shape) {
    descr = order = shape = {};
    if (!Take('{')) return false;
    while (!Take('}')) {
      std::string_view name, value;
      if (!Quoted(name) || !Take(':')) return false;
      SkipSpace();
      const size_t begin = at_;
      if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
        if (!Quoted(value)) return false;
      } else {
        const bool tuple = at_ < text_.size() && text_[at_] == '(';
        at_ = text_.find_first_of(tuple ? ")" : ",}", at_);
        if (at_ == std::string_view::npos) return false;
        if (tuple) ++at_;
        value = text_.substr(begin, at_ - begin);
      }
      std::string_view& to = name == "descr" ? descr : name == "fortran_order" ? order : shape;
      if ((name != "descr" && name != "fortran_order" && name != "shape") || !to.empty()) return false;
      to = value;
      if (!Take(',') && (at_ >= text_.size() || text_[at_] != '}')) return false;
    }
    SkipSpace();
    return at_ == text_.size() && !descr.empty() && !order.empty() && !shape.empty();
  }

 private:
  void SkipSpace() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Quoted(std::string_view& out) {
    SkipSpace();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

std::optional<TokenLayout> ParseDescr(std::string_view descr) {
  if (descr.size() != 3 || (descr[0] != '<' && descr[0] != '>')) return std::nullopt;
  const std::string_view kind = descr.substr(1);
  TokenLayout layout{TokenType::kNone, descr[0] == '>'};
  if (kind == "u2") layout.type = TokenType::kU16;
  if (kind == "u4") layout.type = TokenType::kU32;
  if (kind == "i4") layout.type = TokenType::kI32;
  if (kind == "i8") layout.type = TokenType::kI64;
  if (layout.type == TokenType::kNone) return std::nullopt;
  return layout;
}

// "(3,)", "(3, 4)".
bool ParseShape(std::string_view shape, NpyHead& head) {
  if (shape.size() < 3 || shape.front() != '(' || shape.back() != ')') return false;
  shape = shape.substr(1, shape.size() - 2);
  uint64_t sizes[2] = {0, 0};
  size_t count = 0;
  while (!shape.empty()) {
    shape.remove_prefix(std::min(shape.find_first_not_of(' '), shape.size()));
    if (shape.empty()) break;
    if (count == 2) return false;
    const auto [rest, error] = std::from_chars(shape.data(), shape.data() + shape.size(), sizes[count]);
    if (error != std::errc() || sizes[count] > kMaxTokens) return false;
    ++count;
    shape.remove_prefix(static_cast<size_t>(rest - shape.data()));
    if (shape.empty()) break;
    if (shape[0] != ',') return false;
    shape.remove_prefix(1);
  }
  if (count == 0) return false;
  head.rows = sizes[0];
  head.columns = sizes[1];
  // A second dimension of nothing: rows without tokens, none at all.
  if (count == 2 && (sizes[0] == 0 || sizes[1] == 0)) head.rows = head.columns = 0;
  if (head.columns > 0 && head.rows > kMaxTokens / head.columns) return false;
  head.tokens = head.rows * std::max<uint64_t>(head.columns, 1);
  return true;
}

}  // namespace

size_t TokenLayout::bytes() const {
  return type == TokenType::kNone ? 0 : WithType(type, [](auto value) { return sizeof(value); });
}

bool CanHold(TokenLayout layout, int64_t id) {
  return WithType(layout.type, [&]<class T>(T) {
    return id >= 0 && static_cast<uint64_t>(id) <= static_cast<uint64_t>(std::numeric_limits<T>::max());
  });
}

size_t FindToken(TokenLayout layout, const char* at, size_t count, int64_t id) {
  return WithType(layout.type, [&]<class T>(T) {
    // Compared as it lies, so that nothing is swapped.
    const T wanted = IsForeign(layout) ? Swapped(static_cast<T>(id)) : static_cast<T>(id);
    size_t i = 0;
    while (i < count && Load<T>(at, i) != wanted) ++i;
    return i;
  });
}

bool DecodeTokens(TokenLayout layout, const char* at, size_t count, uint32_t* out) {
  const bool foreign = IsForeign(layout);
  return WithType(layout.type, [&]<class T>(T) {
    uint64_t all = 0;
    for (size_t i = 0; i < count; ++i) {
      const T value = foreign ? Swapped(Load<T>(at, i)) : Load<T>(at, i);
      const uint64_t wide = static_cast<uint64_t>(static_cast<int64_t>(value));  // negative: high bits are set
      all |= wide;
      out[i] = static_cast<uint32_t>(wide);
    }
    return all < kIdLimit;
  });
}

Result<std::optional<NpyHead>> ReadNpyHead(ByteWindow& window) {
  const std::optional<NpyHead> none;
  VERDIGRIS_ASSIGN_OR_RETURN(const bool fixed, window.Has(12));
  if (!fixed || !window.view().starts_with(kNpyMagic)) return none;
  const char version = window.view()[6];
  if (version < 1 || version > 3) return none;
  const size_t before = version == 1 ? 10 : 12;
  const char* const length_at = window.view().data() + 8;
  const size_t length = version == 1 ? LittleEndian<uint16_t>(length_at) : LittleEndian<uint32_t>(length_at);
  if (length > kMaxNpyHead) return none;
  VERDIGRIS_ASSIGN_OR_RETURN(const bool whole, window.Has(before + length));
  if (!whole) return none;
  std::string_view descr, order, shape;
  if (!NpyDictionary(window.view().substr(before, length)).Read(descr, order, shape)) return none;
  NpyHead head;
  head.bytes = before + length;
  const std::optional<TokenLayout> layout = ParseDescr(descr);
  if (!layout || !ParseShape(shape, head)) return none;
  head.layout = *layout;
  if (order != "False" && (order != "True" || head.columns > 0)) return none;
  return std::optional<NpyHead>(head);
}

std::optional<MegatronHead> ParseMegatronHead(std::string_view head) {
  if (head.size() < kMegatronHeadBytes || !head.starts_with(kMegatronMagic)) return std::nullopt;
  const char* const at = head.data();
  if (LittleEndian<uint64_t>(at + 9) != 1) return std::nullopt;
  MegatronHead out;
  switch (at[17]) {
    case 1: out.layout.type = TokenType::kU8; break;
    case 2: out.layout.type = TokenType::kI8; break;
    case 3: out.layout.type = TokenType::kI16; break;
    case 4: out.layout.type = TokenType::kI32; break;
    case 5: out.layout.type = TokenType::kI64; break;
    case 8: out.layout.type = TokenType::kU16; break;
    default: return std::nullopt;
  }
  out.sequences = LittleEndian<uint64_t>(at + 18);
  out.documents = LittleEndian<uint64_t>(at + 26);
  if (out.sequences > kMaxTokens / 16 || out.documents > kMaxTokens / 16) return std::nullopt;
  return out;
}

std::string MegatronData(const std::string& index_path) {
  return index_path.ends_with(".idx") ? index_path.substr(0, index_path.size() - 4) + ".bin" : std::string();
}

}  // namespace verdigris::verify
