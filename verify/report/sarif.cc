// A place is `offset` of the results (corpus.md C2): a byte of the inflated stream for text, lines, JSON, CSV and WARC, a row of
// Parquet and a token of arrays. Tested by tests/verify/report/sarif_test.cc and tests/report/sarif_test.py.
#include "verify/report/sarif.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "verify/report/figures.h"
#include "verify/report/printable.h"

namespace verdigris::verify {
namespace {

using Written = nlohmann::ordered_json;

// The bytes of a URI reference: what RFC 3986 has no place for, and `%`, as %XX. A first segment with a colon would be a scheme.
std::string UriReference(std::string_view uri) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (size_t i = 0; i < uri.size(); ++i) {
    const char c = uri[i];
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~/").find(c) != std::string_view::npos;
    // What the scan has already written as %XX stays.
    const bool escaped = c == '%' && i + 2 < uri.size() && std::string_view(kHex).find(uri[i + 1]) != std::string_view::npos &&
                         std::string_view(kHex).find(uri[i + 2]) != std::string_view::npos;
    if (plain || escaped) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string Dump(const Written& json) { return json.dump(-1, ' ', false, Written::error_handler_t::replace); }

Written ResultJson(const CorpusSummary& summary, const DocumentResult& row) {
  std::string kids;
  for (const std::string& kid : row.kids) kids += (kids.empty() ? "" : " ") + kid;
  Written json = {{"ruleId", "verdigris/" + summary.scheme},
                  {"ruleIndex", 0},
                  {"level", "warning"},
                  {"rank", std::min(100.0, 0.0 - row.log10_p)},
                  {"message", {{"text", "A document with " + std::to_string(row.n) + " scored tokens" + (summary.first_seen ? " that no document before has" : "") +
                                            " carries the mark of key " + kids + ": p " + TenTo(row.log10_p) + " that an unrelated one scores as high."}}},
                  {"locations", {{{"physicalLocation", {{"artifactLocation", {{"uri", UriReference(row.uri)}}},
                                                        {"region", {{"byteOffset", row.offset}, {"byteLength", row.length}}}}}}}},
                  {"partialFingerprints", {{"text", row.text}, {"kid", kids}}},
                  {"baselineState", row.baseline ? "unchanged" : "new"},
                  {"properties", {{"log10_p", row.log10_p}, {"n", row.n}, {"s", row.s}, {"segment", row.segment}, {"ordinal", row.ordinal}, {"part", row.part}, {"variant", row.variant}}}};
  if (row.log10_q) json["properties"]["log10_q"] = *row.log10_q;
  if (!row.id.empty()) json["properties"]["id"] = Printable(row.id);
  return json;
}

}  // namespace

void WriteSarif(const CorpusSummary& summary, std::span<const DocumentResult> rows, uint64_t findings, const Sink& out) {
  const Written rule = {{"id", "verdigris/" + summary.scheme},
                        {"shortDescription", {{"text", "A document carries the watermark of a key"}}},
                        {"fullDescription", {{"text", "The document scores higher under the key than chance allows, after allowing for every document tested (" + summary.control +
                                                          "). It does not show who wrote it, nor how it came there."}}},
                        {"defaultConfiguration", {{"level", "warning"}}}};
  out("{\"$schema\":\"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":" +
      Dump({{"name", "verdigris"}, {"version", VERDIGRIS_VERSION}, {"rules", Written::array({rule})}}) + "},\"columnKind\":\"unicodeCodePoints\",\"properties\":" +
      Dump({{"run", summary.run}, {"root", summary.root}, {"profile", summary.profile}, {"partial", int{summary.partial}}, {"findings", findings}, {"shown", rows.size()}}) +
      ",\"results\":[\n");
  for (size_t i = 0; i < rows.size(); ++i) out((i > 0 ? ",\n" : "") + Dump(ResultJson(summary, rows[i])));
  out("\n]}]}\n");
}

}  // namespace verdigris::verify
