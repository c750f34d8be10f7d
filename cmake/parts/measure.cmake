# What the measuring tests need beside unit tests: machines that are not there.
if(ERGON_TESTS)
  add_executable(fake_rapl "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_rapl.c")
  target_compile_definitions(fake_rapl PRIVATE _GNU_SOURCE)
  set_target_properties(fake_rapl PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_library(fake_nvml SHARED "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_nvml.c")
  set_target_properties(fake_nvml PROPERTIES OUTPUT_NAME nvidia-ml SOVERSION 1
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fake_nvml")
endif()

# bench/bench_sampler: what a sample costs; built with the rest, run by hand or by bench/run.sh.
function(ergon_measure_programs)
  add_executable(bench_sampler "${PROJECT_SOURCE_DIR}/bench/bench_sampler.c")
  target_link_libraries(bench_sampler PRIVATE ergon_static)
  set_target_properties(bench_sampler PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
  if(TARGET ergon_test_support)
    target_compile_definitions(ergon_test_support PUBLIC ERGON_FAKE_NVML="$<TARGET_FILE:fake_nvml>")
    add_dependencies(ergon_test_support fake_nvml)
  endif()
endfunction()
cmake_language(DEFER CALL ergon_measure_programs)
