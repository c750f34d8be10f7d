# An emulated GPU that several processes share: the made-up NVML sets it, a job runs at its speed.
if(ERGON_TESTS)
  target_sources(fake_nvml PRIVATE "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_nvml_levers.c"
    "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  target_compile_definitions(fake_nvml PRIVATE _GNU_SOURCE)
  target_link_libraries(fake_nvml PRIVATE m)
  add_executable(emulated_gpu_job "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu_job.c"
    "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  # Preloaded by a system test: counted time. Without a sanitizer, whose runtime must come first.
  add_library(counted_time SHARED "${PROJECT_SOURCE_DIR}/tests/fixtures/counted_time.c"
    "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  target_compile_definitions(counted_time PRIVATE _GNU_SOURCE)
  target_compile_options(counted_time PRIVATE -fno-sanitize=all)
  target_link_options(counted_time PRIVATE -fno-sanitize=all)
  target_link_libraries(counted_time PRIVATE m)
  set_target_properties(counted_time PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_compile_definitions(emulated_gpu_job PRIVATE _GNU_SOURCE)
  target_link_libraries(emulated_gpu_job PRIVATE m)
  add_executable(emulated_cpu_job "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_cpu_job.c")
  set_target_properties(emulated_gpu_job emulated_cpu_job PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endif()

# bench/bench_phases: phases in a series that this machine records; run by hand or by bench/run.sh.
function(ergon_understand_tests)
  add_executable(bench_phases "${PROJECT_SOURCE_DIR}/bench/bench_phases.c")
  target_link_libraries(bench_phases PRIVATE ergon_static)
  set_target_properties(bench_phases PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
  if(TARGET unit.understand.levers.test_gpu)
    target_sources(unit.understand.levers.test_gpu PRIVATE
      "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  endif()
endfunction()
cmake_language(DEFER CALL ergon_understand_tests)
