! SPDX-License-Identifier: Apache-2.0
! Regions on a recording of 100 W that is played back: argument 1 is the recording.
program test_ergon
  use, intrinsic :: iso_c_binding
  use, intrinsic :: ieee_arithmetic, only: ieee_is_nan
  use ergon
  implicit none
  type(ergon_meter) :: meter, closed
  type(ergon_region) :: outer, inner
  type(ergon_energy) :: energy, part
  character(len=256) :: path, message
  integer :: stat
  call get_command_argument(1, path)

  call meter%open(sensors='replay:' // trim(path), interval_s=0.01d0, stat=stat, errmsg=message)
  if (stat /= 0) then
    print *, trim(message)
    error stop 'the meter does not open'
  end if
  call check(meter%is_open(), 'is_open')
  call outer%begin(meter)
  call wait(0.2d0)
  call inner%begin(meter)
  call wait(0.2d0)
  call inner%end(part)
  call outer%end(energy)
  print '(a, f8.3, a, f7.3, a)', 'outer', energy%energy_j, ' J in', energy%duration_s, ' s'
  call check(energy%measured .and. .not. energy%modelled, 'measured')
  call check(energy%duration_s >= 0.4d0 .and. part%duration_s >= 0.2d0, 'time')
  call check(part%duration_s < energy%duration_s, 'the inner region is shorter')
  call check(abs(energy%energy_j / energy%duration_s - 100) < 5, 'power of the outer region')
  call check(energy%low_j <= energy%energy_j .and. energy%energy_j <= energy%high_j, 'interval')
  call check(part%energy_j < energy%energy_j, 'the inner region took less')
  call meter%close()
  call check(.not. meter%is_open(), 'closed')

  ! Without a meter nothing happens.
  call inner%begin(closed)
  call inner%end(part)
  call check(ieee_is_nan(part%energy_j), 'no meter, no energy')
  call closed%close()

  ! Errors in words.
  call meter%open(sensors='nonsense', stat=stat, errmsg=message)
  call check(stat /= 0 .and. index(message, "'nonsense'") > 0, 'unknown sensor')
  print '(a)', 'ok'

contains

  subroutine check(good, what)
    logical, intent(in) :: good
    character(len=*), intent(in) :: what
    if (.not. good) then
      print '(2a)', 'FAIL: ', what
      error stop 1
    end if
  end subroutine

  subroutine wait(seconds)
    real(c_double), intent(in) :: seconds
    integer(c_int64_t) :: begin, now, rate
    call system_clock(begin, rate)
    do
      call system_clock(now)
      if (now - begin >= seconds * rate) return
    end do
  end subroutine

end program
