#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ldm/cli/console_reporter.h"
#include "ldm/cli/model_session.h"
#include "ldm/experiments/cell_identity.h"
#include "ldm/experiments/claims.h"
#include "ldm/experiments/metric_set.h"
#include "ldm/experiments/result_folder.h"

namespace ldm::experiments {

/// Steps that painting a cell takes, as far as its options tell.
std::int64_t expected_steps(const GenerationOptions& options);

/// Paints the cells of a plan that are not done yet. Several processes may do so in one folder at the same
/// time: each takes what nobody has claimed.
class Runner {
 public:
  /// Looks at what is done. `batch`: pictures that share a call of the network, at most. Throws what
  /// CellIdentity and ResultFolder throw.
  Runner(const Plan& plan, const ResultFolder& folder, std::int64_t batch, cli::ReadPicture read_picture,
         cli::ConsoleReporter& reporter);

  /// Paints until all is done, by whomever: true; or until the reporter wants to stop, between two pictures:
  /// false. Tables of results are written as pictures come, at most every few seconds; the last ones are the
  /// caller's.
  bool run();

  std::int64_t done() const;
  /// What is done so far, measured.
  const Results& results();

 private:
  using Indices = std::vector<std::size_t>;

  bool run_models();
  bool run_model(std::size_t begin, std::size_t end);
  Indices claim(std::size_t& next, std::size_t end);
  bool is_done_meanwhile(std::size_t cell);
  void paint(cli::ModelSession& session, const Indices& cells);
  cli::ModelSession::Job prepare(const cli::ModelSession& session, const Indices& cells,
                                 GenerationOptions& options) const;
  void take(std::size_t cell, Record record);
  void publish();

  const Plan& plan_;
  const ResultFolder& folder_;
  std::int64_t batch_;
  cli::ReadPicture read_picture_;
  cli::ConsoleReporter& reporter_;
  CellIdentity identity_;
  Claims claims_;
  MetricSet metric_set_;
  std::vector<std::string> keys_;
  std::vector<bool> done_;
  Results results_;
  std::int64_t steps_done_ = 0, steps_total_ = 0;
  std::chrono::steady_clock::time_point published_;
};

}  // namespace ldm::experiments
