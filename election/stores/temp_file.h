// SPDX-License-Identifier: Apache-2.0
//
// The file in which the next record is made ready, beside the record: `<record>.<writer>.<number>.tmp`.
//
// Its maker holds a flock(2) on it for as long as it may still be needed. The kernel drops that with the process, so
// whoever can lock such a file knows that its maker is dead, and may delete it: killed writers leave no pile behind.
//
// Threads: any, one object by one at a time. Blocking: waits for the disk.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "election/stores/file_io.h"

namespace leasehold::stores {

class TempFile {
public:
    // Makes the file with this content and brings it to the disk. `folder` must stay open as long as the object lives.
    static IoResult<TempFile> create(int folder, const std::string& record_name, const std::string& writer,
                                     std::string_view text);
    TempFile(TempFile&& other) noexcept;
    TempFile& operator=(TempFile&&) = delete;
    ~TempFile();  // deletes the file unless it became the record

    // Puts it in the record's place.
    IoResult<void> become(const std::string& record_name);

private:
    TempFile(int folder, std::string name, UniqueFd file)
        : folder_(folder), name_(std::move(name)), file_(std::move(file)) {}

    int folder_;
    std::string name_;  // empty once it is gone or has become the record
    UniqueFd file_;
};

// Deletes what dead writers of this record left behind. Best effort: returns how many were deleted.
int remove_leftovers(const std::string& folder, const std::string& record_name);

}  // namespace leasehold::stores
