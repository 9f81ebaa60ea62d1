// Numbers of an experiment by name, over its seeds, and the goals that they are held against.
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace verdigris::testing {

// A cell of the table: a name and a value for each seed.
class Table {
 public:
  void Add(const std::string& cell, double value) {
    if (!values_.contains(cell)) order_.push_back(cell);
    values_[cell].push_back(value);
  }
  // Sorted: the most convincing first, the worst last.
  std::vector<double> Sorted(const std::string& cell) const {
    auto values = values_.at(cell);
    std::sort(values.begin(), values.end());
    return values;
  }
  double Median(const std::string& cell) const {
    const auto values = Sorted(cell);
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  }
  double Worst(const std::string& cell) const { return Sorted(cell).back(); }
  void Print() const {
    std::printf("%-58s %9s %9s %9s %s\n", "cell: log10 p", "median", "best", "worst", "seeds");
    for (const std::string& cell : order_) {
      std::printf("%-58s %9.1f %9.1f %9.1f %zu\n", cell.c_str(), Median(cell), Sorted(cell).front(), Worst(cell), values_.at(cell).size());
    }
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> values_;
};

struct Missed {
  int count = 0;
  // `name median worst literature met`
  void Goal(const char* name, const Table& table, const std::string& cell, double median, double worst, const std::string& literature) {
    const bool met = table.Median(cell) <= median && table.Worst(cell) <= worst;
    count += !met;
    std::printf("%s median %.1f (goal %.1f) worst %.1f (goal %.1f) literature %.1f %s\n", name, table.Median(cell), median, table.Worst(cell), worst,
                table.Median(literature), met ? "met" : "missed");
  }
};

}  // namespace verdigris::testing
